//! What earlier queries of an application showed of the sub-plans that a query holds.
//!
//! Bounded as it grows: a sub-plan that is one too many takes the place of the one unseen for longest, so that no query pays for more than
//! its own nodes.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::sync::Arc;

use lru::LruCache;
use sparkwright_core::by_name::ByName;
use sparkwright_core::lesson::{LearnedPlan, MOST_PLANS, PlanLesson};
use sparkwright_core::query::{CachedBy, Columns, PlanNode, ShuffledFacts, SpillFacts, leaf_bytes, outermost_shuffle};
use sparkwright_core::units::Bytes;

use super::protocol::AskedNode;
use super::work::ExecutionWork;

/// Sub-plans that are remembered.
const MOST_SUB_PLANS: NonZeroUsize = match NonZeroUsize::new(20_000) {
    Some(most) => most,
    None => NonZeroUsize::MIN,
};
/// Executions of which it is remembered what they hold until they end.
const MOST_OPEN_EXECUTIONS: usize = 1_000;

#[derive(Debug, Clone, Default)]
struct SubPlan {
    shape: Option<Arc<str>>,
    seen: u32,
    first_ms: u64,
    last_ms: u64,
    /// The newest execution that computed it, with its share of the work there.
    execution: Option<(i64, f64)>,
    /// The execution before that, which has ended by the time the next question comes.
    earlier: Option<(i64, f64)>,
    /// What its queries asked for of its output, all told.
    columns: Option<Columns>,
    spill: Option<SpillFacts>,
    /// Of the executions of which it was the outermost shuffle.
    shuffled: Option<ShuffledFacts>,
    released_by_user: bool,
    source_changes: u32,
    used_ms: u64,
    uses_from_cache: u32,
}

/// What an execution holds.
#[derive(Debug, Default)]
struct Held {
    sub_plans: BTreeSet<Arc<str>>,
    /// How many plans were asked about in it: a command makes some of its own.
    plans: u32,
    /// The outermost shuffle of the last, with the size of its leaves.
    outermost: Option<(Arc<str>, Bytes)>,
}

/// The sub-plans seen so far, by hash.
#[derive(Debug)]
pub struct PlanHistory {
    /// The one unseen for longest goes first.
    sub_plans: LruCache<Arc<str>, SubPlan>,
    /// What executions that have not ended hold, whether they compute it or not.
    held: BTreeMap<i64, Held>,
    /// Queries that hold a sub-plan of a shape in a run, as earlier runs of the job had it.
    learned: BTreeMap<String, LearnedPlan>,
    /// The shape of each sub-plan that the question at hand holds, and the columns that it asks for.
    shapes: BTreeMap<Arc<str>, (Arc<str>, Option<Columns>)>,
}

impl Default for PlanHistory {
    fn default() -> Self {
        Self {
            sub_plans: LruCache::new(MOST_SUB_PLANS),
            held: BTreeMap::new(),
            learned: BTreeMap::new(),
            shapes: BTreeMap::new(),
        }
    }
}

impl PlanHistory {
    /// One that knows what earlier runs of the job showed.
    #[must_use]
    pub fn after(learned: &[LearnedPlan]) -> Self {
        Self { learned: learned.iter().map(|plan| (plan.shape.clone(), plan.clone())).collect(), ..Self::default() }
    }

    /// What the run showed of sub-plans that came again or shuffled, by their shapes: those that came again first, and of them those that took longest. `task_ms_of` as for [`describe`](Self::describe).
    #[must_use]
    pub fn lessons(&self, task_ms_of: impl Fn(i64) -> Option<u64>) -> Vec<PlanLesson> {
        let mut by_shape: BTreeMap<&str, PlanLesson> = BTreeMap::new();
        for (_, known) in &self.sub_plans {
            let Some(shape) = known.shape.as_deref() else { continue };
            let lesson = by_shape
                .entry(shape)
                .or_insert_with(|| PlanLesson { shape: shape.to_owned(), ..PlanLesson::default() });
            lesson.plans = lesson.plans.saturating_add(1);
            lesson.queries = lesson.queries.saturating_add(known.seen);
            lesson.fewest = if lesson.plans == 1 { known.seen } else { lesson.fewest.min(known.seen) };
            lesson.gap_ms = lesson.gap_ms.max(mean_gap(known));
            let took = [known.execution, known.earlier].into_iter().flatten().find_map(|(execution, share)| {
                let task_ms = task_ms_of(execution)? as f64 * share.clamp(0.0, 1.0);
                (task_ms >= 0.0).then_some(task_ms as u64)
            });
            lesson.task_ms = lesson.task_ms.max(took);
            lesson.shuffled = lesson.shuffled.max(known.shuffled);
            lesson.columns = either(lesson.columns.take(), known.columns.as_ref());
        }
        let tells = |lesson: &PlanLesson| lesson.fewest > 1 || lesson.shuffled.is_some();
        let mut lessons: Vec<PlanLesson> = by_shape.into_values().filter(tells).collect();
        lessons.sort_by(|one, other| {
            let rank = |lesson: &PlanLesson| (lesson.fewest > 1, lesson.task_ms, lesson.queries);
            rank(other).cmp(&rank(one)).then_with(|| one.shape.cmp(&other.shape))
        });
        lessons.truncate(MOST_PLANS);
        lessons
    }

    /// Fills in what is known of each node; `task_ms_of` gives the task time of an execution that has ended.
    #[must_use]
    pub fn describe(&mut self, asked: Vec<AskedNode>, task_ms_of: impl Fn(i64) -> Option<u64>) -> Vec<PlanNode> {
        self.shapes.clear();
        for node in asked.iter().filter(|node| !node.shape.is_empty()) {
            let shape = || (node.shape.as_str().into(), None);
            let (_, columns) = self.shapes.entry(node.hash.as_str().into()).or_insert_with(shape);
            *columns = either(columns.take(), node.asked.as_ref());
        }
        asked
            .into_iter()
            .map(|node| {
                let known = self.sub_plans.peek(node.hash.as_str()).cloned().unwrap_or_default();
                let measured = [known.execution, known.earlier]
                    .into_iter()
                    .flatten()
                    .find_map(|(execution, share)| Some((task_ms_of(execution)?, share)));
                let learned = self.learned.get(&node.shape);
                let again = learned.filter(|learned| learned.comes_again());
                PlanNode {
                    learned_uses: again.map(|again| again.uses),
                    asked_columns: either(again.and_then(|again| again.columns.clone()), known.columns.as_ref()),
                    learned_shuffled: learned.and_then(|learned| learned.shuffled),
                    parent: node.parent,
                    operator: node.operator,
                    hash: node.hash,
                    bytes: node.bytes.map(Bytes),
                    rows: node.rows,
                    row_bytes: node.row_bytes,
                    join: node.join,
                    one_sided: node.one_sided,
                    by_partition: node.by_partition,
                    format: node.format,
                    path: node.path,
                    why_not: node.why_not,
                    cached: node.cached,
                    seen: known.seen,
                    mean_gap_ms: mean_gap(&known).or_else(|| again?.gap_ms),
                    measured_task_ms: measured.map(|(task_ms, _)| task_ms),
                    measured_share: measured.map(|(_, share)| share),
                    spill: known.spill,
                    shuffled: known.shuffled,
                    released_by_user: known.released_by_user,
                    source_changes: known.source_changes,
                }
            })
            .collect()
    }

    /// Remembers that a query held these nodes, with each one's share of its work.
    pub fn remember(&mut self, nodes: &[PlanNode], shares: &ByName<f64>, execution: Option<i64>, now_ms: u64) {
        let shapes = std::mem::take(&mut self.shapes);
        let mut met: BTreeSet<&str> = BTreeSet::new();
        let mut held = BTreeSet::new();
        for node in nodes.iter().filter(|node| !node.hash.is_empty()) {
            if !met.insert(&node.hash) {
                continue;
            }
            let hash: Arc<str> = node.hash.as_str().into();
            let known = self.sub_plans.get_or_insert_mut(Arc::clone(&hash), SubPlan::default);
            if let Some((shape, columns)) = shapes.get(&hash) {
                known.shape.get_or_insert_with(|| Arc::clone(shape));
                known.columns = either(known.columns.take(), columns.as_ref());
            }
            held.insert(hash);
            if known.seen == 0 {
                known.first_ms = now_ms;
            }
            known.seen = known.seen.saturating_add(1);
            known.last_ms = now_ms;
            if node.cached == CachedBy::Ours {
                known.used_ms = now_ms;
                known.uses_from_cache = known.uses_from_cache.saturating_add(1);
            } else if let (Some(execution), Some(share)) = (execution, shares.get(&node.hash)) {
                known.earlier = known.execution.replace((execution, *share));
            }
        }
        if let Some(execution) = execution {
            let outermost = outermost_shuffle(nodes).and_then(|at| nodes.get(at)).filter(|node| !node.hash.is_empty());
            let of_execution = self.held.entry(execution).or_default();
            of_execution.sub_plans.append(&mut held);
            of_execution.plans = of_execution.plans.saturating_add(1);
            of_execution.outermost = outermost.map(|node| (node.hash.as_str().into(), leaf_bytes(nodes)));
            while self.held.len() > MOST_OPEN_EXECUTIONS {
                self.held.pop_first();
            }
        }
    }

    /// An execution has ended: all that it held was in use until now. Remembers for it what the execution spilled, where it did, and for its outermost
    /// shuffle what went through the largest of them.
    pub fn ended(&mut self, execution: i64, work: ExecutionWork, now_ms: u64) {
        let Held { sub_plans, plans, outermost } = self.held.remove(&execution).unwrap_or_default();
        // Of several plans nobody knows which of them shuffled.
        if let Some((hash, leaf_bytes)) = outermost.filter(|_| plans == 1 && work.shuffled_bytes > 0 && !work.failed)
            && let Some(known) = self.sub_plans.peek_mut(&hash)
        {
            known.shuffled = known.shuffled.max(Some(ShuffledFacts { bytes: Bytes(work.shuffled_bytes), leaf_bytes }));
        }
        for hash in sub_plans {
            let Some(known) = self.sub_plans.peek_mut(&hash) else { continue };
            known.used_ms = known.used_ms.max(now_ms);
            if let Some(spill) = work.spill
                && known.spill.is_none_or(|most| spill.spilled_bytes > most.spilled_bytes)
            {
                known.spill = Some(spill);
            }
        }
    }

    /// Remembers that a cached sub-plan was filled now.
    pub fn cached(&mut self, hash: &str, now_ms: u64) {
        let known = self.sub_plans.get_or_insert_mut(hash.into(), SubPlan::default);
        known.used_ms = now_ms;
        known.uses_from_cache = 0;
    }

    /// Remembers why a cached sub-plan went.
    pub fn dropped(&mut self, hash: &str, why: &str) {
        let known = self.sub_plans.get_or_insert_mut(hash.into(), SubPlan::default);
        match why {
            "gone" => known.released_by_user = true,
            "source_changed" => known.source_changes = known.source_changes.saturating_add(1),
            _ => {}
        }
    }

    /// How long nothing has used a cached sub-plan, and the mean gap between the queries that hold it. A query uses it until it ends.
    #[must_use]
    pub fn idle(&self, hash: &str, now_ms: u64) -> (u64, Option<u64>) {
        let Some(known) = self.sub_plans.peek(hash) else { return (0, None) };
        if self.held.values().any(|held| held.sub_plans.contains(hash)) {
            return (0, mean_gap(known));
        }
        (now_ms.saturating_sub(known.used_ms.max(known.last_ms)), mean_gap(known))
    }

    /// Queries that read a cached sub-plan from the cache.
    #[must_use]
    pub fn uses_from_cache(&self, hash: &str) -> u32 {
        self.sub_plans.peek(hash).map_or(0, |known| known.uses_from_cache)
    }
}

/// The columns of both, or of the one that is known; of different outputs, the later one's.
fn either(known: Option<Columns>, more: Option<&Columns>) -> Option<Columns> {
    match (known, more) {
        (Some(known), Some(more)) => known.or(more).or_else(|| Some(more.clone())),
        (known, more) => known.or_else(|| more.cloned()),
    }
}

fn mean_gap(known: &SubPlan) -> Option<u64> {
    let gaps = u64::from(known.seen.checked_sub(1).filter(|gaps| *gaps > 0)?);
    Some(known.last_ms.saturating_sub(known.first_ms) / gaps)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing)]
    use super::*;

    fn asked(hash: &str) -> AskedNode {
        AskedNode {
            parent: None,
            operator: "Join".into(),
            hash: hash.into(),
            shape: format!("shape of {hash}"),
            asked: None,
            bytes: None,
            rows: None,
            row_bytes: 8,
            join: None,
            one_sided: false,
            by_partition: false,
            format: None,
            path: None,
            why_not: None,
            cached: CachedBy::No,
        }
    }

    #[test]
    fn sightings_and_the_measured_time_of_an_ended_execution_come_back() {
        let mut history = PlanHistory::default();
        let shares = ByName::from_iter([("a".to_owned(), 0.5)]);
        for (execution, now_ms) in [(1, 1_000), (2, 3_000)] {
            let nodes = history.describe(vec![asked("a"), asked("a")], |_| None);
            history.remember(&nodes, &shares, Some(execution), now_ms);
        }
        let nodes = history.describe(vec![asked("a")], |execution| (execution == 1).then_some(800));
        assert_eq!((nodes[0].seen, nodes[0].mean_gap_ms), (2, Some(2_000)));
        assert_eq!((nodes[0].measured_task_ms, nodes[0].measured_share), (Some(800), Some(0.5)));
    }

    #[test]
    fn the_columns_that_queries_asked_for_teach_the_next_run() {
        let mut history = PlanHistory::default();
        let of = |positions: &[u32]| Some(Columns::at(9, positions.iter().copied()));
        // Twice in one query, and again in a later one; a query of which nothing is known takes nothing away.
        for (execution, asks) in [(1, vec![of(&[0]), of(&[3])]), (2, vec![of(&[7])]), (3, vec![None])] {
            let plan = asks.into_iter().map(|columns| AskedNode { asked: columns, ..asked("a") }).collect();
            let nodes = history.describe(plan, |_| None);
            history.remember(&nodes, &ByName::new(), Some(execution), 1_000);
        }
        let lessons = history.lessons(|_| None);
        assert_eq!(lessons[0].columns, of(&[0, 3, 7]));
        let known = history.describe(vec![asked("a")], |_| None).remove(0);
        assert_eq!(known.asked_columns, of(&[0, 3, 7]), "and a later query of this one");
        let learned =
            [LearnedPlan { shape: "shape of a".into(), uses: 3, columns: of(&[0, 3]), ..LearnedPlan::default() }];
        let node = PlanHistory::after(&learned).describe(vec![asked("a")], |_| None).remove(0);
        assert_eq!((node.learned_uses, node.asked_columns), (Some(3), of(&[0, 3])));
    }

    fn spilling(spill: Option<SpillFacts>) -> ExecutionWork {
        ExecutionWork { spill, ..ExecutionWork::default() }
    }

    #[test]
    fn what_was_shuffled_is_the_outermost_shuffles_and_teaches_the_next_run() {
        let mut history = PlanHistory::default();
        let plan = |hash: &str, below: &str, mib: u64| {
            let leaf =
                AskedNode { parent: Some(1), bytes: Some(mib << 20), operator: "Relation".into(), ..asked(below) };
            let root = AskedNode { operator: "Project".into(), ..asked("root") };
            vec![root, AskedNode { parent: Some(0), ..asked(hash) }, leaf]
        };
        // The last asks about two plans.
        let executions = [
            (1, "a", 500, false),
            (2, "a", 400, false),
            (3, "b", 9_000, true),
            (4, "c", 0, false),
            (5, "c", 9_000, false),
        ];
        for (execution, hash, shuffled, failed) in executions {
            for _ in 0..if execution == 5 { 2 } else { 1 } {
                let nodes = history.describe(plan(hash, "leaf", 10), |_| None);
                history.remember(&nodes, &ByName::new(), Some(execution), 1_000);
            }
            let work = ExecutionWork { shuffled_bytes: shuffled, failed, ..ExecutionWork::default() };
            history.ended(execution, work, 1_000);
        }
        let told = ShuffledFacts { bytes: Bytes(500), leaf_bytes: Bytes::mib(10) };
        let known =
            |history: &mut PlanHistory, hash: &str| history.describe(plan(hash, "leaf", 10), |_| None)[1].clone();
        assert_eq!(["a", "b", "c"].map(|hash| known(&mut history, hash).shuffled), [Some(told), None, None]);
        let lessons = history.lessons(|_| None);
        let of = |shape: &str| {
            lessons.iter().find(|lesson| lesson.shape == shape).map(|lesson| (lesson.fewest, lesson.shuffled))
        };
        assert_eq!(
            (of("shape of a"), of("shape of b"), of("shape of leaf")),
            (Some((2, Some(told))), None, Some((6, None)))
        );
        let learned = [LearnedPlan { shape: "shape of a".into(), shuffled: Some(told), ..LearnedPlan::default() }];
        let node = known(&mut PlanHistory::after(&learned), "a");
        assert_eq!((node.learned_uses, node.shuffled, node.learned_shuffled), (None, None, Some(told)));
    }

    #[test]
    fn what_spilled_once_stays_known() {
        let mut history = PlanHistory::default();
        let spill = |bytes| SpillFacts { spilled_bytes: Bytes(bytes), ..SpillFacts::default() };
        for (execution, spilled) in [(1, Some(700)), (2, Some(900)), (3, Some(800)), (4, None)] {
            let nodes = history.describe(vec![asked("a")], |_| None);
            history.remember(&nodes, &ByName::new(), Some(execution), 1_000);
            history.ended(execution, spilling(spilled.map(spill)), 1_000);
        }
        let nodes = history.describe(vec![asked("a"), asked("b")], |_| None);
        assert_eq!((nodes[0].spill, nodes[1].spill), (Some(spill(900)), None));
    }

    #[test]
    fn executions_that_overlap_each_spill_for_what_they_held() {
        let mut history = PlanHistory::default();
        let spill = SpillFacts { spilled_bytes: Bytes(5), ..SpillFacts::default() };
        for (execution, hash) in [(1, "a"), (2, "b"), (2, "a")] {
            let nodes = history.describe(vec![asked(hash)], |_| None);
            history.remember(&nodes, &ByName::new(), Some(execution), 1_000);
        }
        history.ended(2, ExecutionWork::default(), 1_000);
        history.ended(1, spilling(Some(spill)), 1_000);
        // It has ended: what comes of it later is not its own any more.
        history.ended(2, spilling(Some(spill)), 1_000);
        let nodes = history.describe(vec![asked("a"), asked("b")], |_| None);
        assert_eq!((nodes[0].spill, nodes[1].spill), (Some(spill), None));
    }

    #[test]
    fn what_a_query_reads_is_in_use_until_the_query_ends() {
        let mut history = PlanHistory::default();
        for execution in [1, 2] {
            let nodes = history.describe(vec![asked("a")], |_| None);
            history.remember(&nodes, &ByName::new(), Some(execution), 1_000);
        }
        history.ended(1, ExecutionWork::default(), 50_000);
        assert_eq!(history.idle("a", 88_000).0, 0);
        history.ended(2, ExecutionWork::default(), 88_000);
        assert_eq!(history.idle("a", 90_000).0, 2_000);
    }

    /// A plan of `MOST_NODES` sub-plans that nobody has seen before.
    fn fresh(history: &mut PlanHistory, query: usize) -> Vec<PlanNode> {
        const MOST_NODES: usize = 400;
        history.describe((0..MOST_NODES).map(|node| asked(&format!("{query}:{node}"))).collect(), |_| None)
    }

    #[test]
    fn the_one_unseen_for_longest_makes_room_and_a_query_pays_for_its_own_nodes_only() {
        let mut history = PlanHistory::default();
        let took = |history: &mut PlanHistory, query: usize| {
            let nodes = fresh(history, query);
            let start = std::time::Instant::now();
            history.remember(&nodes, &ByName::new(), Some(query as i64), query as u64);
            start.elapsed()
        };
        for query in 0..MOST_SUB_PLANS.get() / 400 {
            took(&mut history, query);
        }
        assert_eq!(history.sub_plans.len(), MOST_SUB_PLANS.get());
        // Seen again, the first query's first node is not among those unseen for longest any more.
        let seen = history.describe(vec![asked("0:0")], |_| None);
        history.remember(&seen, &ByName::new(), None, 1_000);
        let least = (1_000..1_010).map(|query| took(&mut history, query)).min();
        assert_eq!(history.sub_plans.len(), MOST_SUB_PLANS.get());
        let known = |history: &mut PlanHistory, hash: &str| history.describe(vec![asked(hash)], |_| None)[0].seen;
        assert_eq!(
            (known(&mut history, "0:0"), known(&mut history, "0:1"), known(&mut history, "1009:399")),
            (2, 0, 1)
        );
        // To look for the oldest among all of them for each new one took a hundred times as long.
        assert!(least < Some(std::time::Duration::from_millis(20)), "{least:?}");
    }

    #[test]
    fn executions_that_never_end_are_forgotten() {
        let mut history = PlanHistory::default();
        let nodes = history.describe(vec![asked("a")], |_| None);
        for execution in 0..MOST_OPEN_EXECUTIONS as i64 + 5 {
            history.remember(&nodes, &ByName::new(), Some(execution), 1_000);
        }
        assert_eq!(history.held.len(), MOST_OPEN_EXECUTIONS);
    }

    #[test]
    fn what_the_user_let_go_or_changed_is_not_forgotten() {
        let mut history = PlanHistory::default();
        history.dropped("a", "gone");
        history.dropped("b", "source_changed");
        let nodes = history.describe(vec![asked("a"), asked("b")], |_| None);
        assert!(nodes[0].released_by_user);
        assert_eq!(nodes[1].source_changes, 1);
    }
}
