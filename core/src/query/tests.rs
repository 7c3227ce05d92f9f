#![allow(clippy::unwrap_used, clippy::indexing_slicing)]
use super::*;
use crate::cache::level::StorageLevel;
use crate::cache::release::CacheEntryFacts;
use crate::confs::PARALLELISM_FIRST;
use alloc::vec;
use alloc::vec::Vec;

fn node(parent: Option<u32>, operator: &str) -> PlanNode {
    PlanNode { parent, operator: operator.into(), hash: operator.into(), row_bytes: 100, ..PlanNode::default() }
}

fn leaf(parent: u32, name: &str, mib: u64) -> PlanNode {
    PlanNode {
        bytes: Some(Bytes::mib(mib)),
        format: Some("parquet".into()),
        path: Some(["file:/data/", name].concat()),
        hash: name.into(),
        ..node(Some(parent), "LogicalRelation")
    }
}

/// Aggregate over a join of two tables, on two executors of 1 core and 1 GiB.
fn join() -> PlanQueryInput {
    PlanQueryInput {
        nodes: vec![
            node(None, "Aggregate"),
            PlanNode { join: Some(JoinKind::InnerEqui), ..node(Some(0), "Join") },
            leaf(1, "flights", 64),
            leaf(1, "planes", 8),
        ],
        running_executors: Some(2),
        executor_cores: Some(1),
        executor_heap_bytes: Some(Bytes::gib(1)),
        executors: (0..2)
            .map(|id| StorageFacts {
                id: id.to_string(),
                max_storage_bytes: Bytes::mib(434),
                free_storage_bytes: Bytes::mib(434),
            })
            .collect(),
        ..PlanQueryInput::default()
    }
}

fn seen(mut input: PlanQueryInput, index: usize, times: u32, task_ms: u64) -> PlanQueryInput {
    input.nodes[index].seen = times;
    input.nodes[index].measured_task_ms = Some(task_ms);
    input.nodes[index].measured_share = Some(0.9);
    input
}

fn plan(input: &PlanQueryInput) -> PlanQueryAnswer {
    plan_query(&ResolvedPolicy::default(), input)
}

#[test]
fn partitions_follow_what_was_shuffled_where_that_was_more_than_is_read() {
    let shuffled = |mib, leaf_mib| Some(ShuffledFacts { bytes: Bytes::mib(mib), leaf_bytes: Bytes::mib(leaf_mib) });
    let with = |shuffled: Option<ShuffledFacts>, learned: Option<ShuffledFacts>| {
        let mut input = join();
        (input.nodes[0].shuffled, input.nodes[0].learned_shuffled) = (shuffled, learned);
        let answer = plan(&input);
        let made = answer.decisions.iter().find(|made| made.name == "shuffle_partitions").unwrap();
        (answer.confs[SHUFFLE_PARTITIONS.key].clone(), made.decision.grade)
    };
    let told = |partitions: &str, grade| (partitions.to_string(), grade);
    // 72 MiB are read; a piece is 128 MiB at most, and twice as many of them as there are.
    assert_eq!(with(None, None), told("2", Grade::C));
    assert_eq!(with(shuffled(720, 72), None), told("12", Grade::A));
    assert_eq!(with(None, shuffled(360, 36)), told("12", Grade::B), "as much for each byte that is read");
    assert_eq!(with(None, shuffled(720, 0)), told("12", Grade::B));
    assert_eq!(with(shuffled(10, 72), None), told("2", Grade::C), "less is no promise");
    assert_eq!(with(shuffled(10, 72), shuffled(720, 72)), told("2", Grade::C), "this run knows better");
}

#[test]
fn any_shuffle_scales_without_overflow() {
    let most = Bytes(u64::MAX);
    let of = |bytes, leaf_bytes, now| ShuffledFacts { bytes, leaf_bytes }.of_leaves(now);
    assert_eq!(of(most, Bytes(1), most), most);
    assert_eq!(of(most, most, most), most);
    assert_eq!((of(Bytes(7), Bytes(0), most), of(Bytes(7), most, Bytes(0))), (Bytes(7), Bytes(7)));
    assert_eq!(of(Bytes(10), Bytes(4), Bytes(6)), Bytes(15));
    for bytes in [Bytes(0), Bytes(1), most] {
        let mut input = join();
        input.nodes[0].learned_shuffled = Some(ShuffledFacts { bytes, leaf_bytes: Bytes(1) });
        let answer = plan(&input);
        assert!(answer.confs[SHUFFLE_PARTITIONS.key].parse::<u32>().is_ok_and(|partitions| partitions > 0), "{bytes}");
    }
}

#[test]
fn partitions_follow_the_slots_on_small_data() {
    let answer = plan(&join());
    assert_eq!(answer.confs[SHUFFLE_PARTITIONS.key], "2");
    assert!(!answer.confs.contains_key(PARALLELISM_FIRST.key));
    assert!(answer.decisions.iter().all(|it| !it.decision.trace.inputs.is_empty()));
}

#[test]
fn what_is_tied_to_partitions_keeps_their_number() {
    let with = |nodes: Vec<PlanNode>, adaptive| plan(&PlanQueryInput { nodes, adaptive, ..join() });
    // `nodes` above the join, each with one below the other.
    let above = |nodes: &[PlanNode]| {
        let mut whole: Vec<PlanNode> = nodes.to_vec();
        let shift = u32::try_from(nodes.len()).unwrap();
        whole.extend(join().nodes.into_iter().map(|node| {
            let parent = node.parent.map_or(shift.checked_sub(1), |parent| Some(parent + shift));
            PlanNode { parent, ..node }
        }));
        whole
    };
    let drawing = |operator| PlanNode { by_partition: true, ..node(None, operator) };
    let told = |answer: &PlanQueryAnswer| {
        let made = answer.decisions.iter().find(|it| it.name == "shuffle_partitions").unwrap();
        made.decision.trace.notes.iter().any(|note| note.starts_with("not applied: "))
    };
    for (nodes, adaptive, tied) in [
        (above(&[node(None, "Sample")]), true, true),
        (above(&[node(None, "Project"), PlanNode { parent: Some(0), ..drawing("Project") }]), true, true),
        (above(&[node(None, "Project")]), true, false),
        (above(&[node(None, "InsertIntoHadoopFsRelationCommand")]), false, true),
        (above(&[node(None, "InsertIntoHadoopFsRelationCommand")]), true, false),
        (above(&[node(None, "Project")]), false, false),
        // Below every shuffle: what is drawn there is drawn by the partitions of the files.
        (
            vec![node(None, "Aggregate"), PlanNode { parent: Some(0), ..drawing("Filter") }, leaf(1, "flights", 512)],
            true,
            false,
        ),
    ] {
        // Adaptive execution leaves small queries alone.
        let large = nodes.iter().cloned().map(|node| PlanNode { bytes: node.bytes.map(|_| Bytes::gib(2)), ..node });
        let answer = with(large.collect(), adaptive);
        let set = answer.confs.contains_key(SHUFFLE_PARTITIONS.key) || answer.confs.contains_key(ADVISORY_SIZE.key);
        assert_eq!((set, told(&answer)), (!tied, tied), "{nodes:#?} {adaptive}");
    }
}

#[test]
fn slots_are_those_of_the_executors_that_there_are_or_will_be() {
    let at = |running, target, cores, cpus| {
        let mut input = PlanQueryInput {
            running_executors: running,
            target_executors: target,
            executor_cores: cores,
            task_cpus: cpus,
            ..join()
        };
        // So little that a piece a slot is enough.
        input.nodes[2].bytes = Some(Bytes::mib(8));
        plan(&input).confs[SHUFFLE_PARTITIONS.key].clone()
    };
    for (running, target, cores, cpus, partitions) in [
        (Some(2), None, Some(4), None, "8"),
        (Some(2), None, Some(4), Some(2), "4"),
        (Some(2), None, Some(5), Some(2), "4"),
        (Some(2), Some(3), Some(4), Some(2), "6"),
        (Some(4), Some(3), Some(4), Some(4), "4"),
        (None, Some(3), Some(4), None, "12"),
        (Some(0), Some(0), Some(4), None, "4"),
        (None, None, None, None, "1"),
    ] {
        assert_eq!(at(running, target, cores, cpus), partitions, "{running:?} {target:?} {cores:?} {cpus:?}");
    }
    assert_eq!(
        plan(&PlanQueryInput { slots: Some(3), ..join() }).confs[SHUFFLE_PARTITIONS.key],
        "3",
        "the asker's own"
    );
}

#[test]
fn a_pinned_executor_holds_back_the_tasks_that_it_runs_at_a_time() {
    let pinned = |cores, task_cpus| {
        let mut input = seen(join(), 1, 5, 60_000);
        input.nodes[1].mean_gap_ms = Some(100_000);
        let input = PlanQueryInput { scaling: true, executor_cores: Some(cores), task_cpus, ..input };
        let cache = plan(&input).decisions.into_iter().find(|made| made.name == "cache").unwrap();
        let inputs = cache.decision.trace.inputs;
        let pinned = inputs.into_iter().find(|it| it.name == "executor time pinned, weighed").unwrap();
        match pinned.value {
            Scalar::Whole(ms) => ms,
            other => unreachable!("{other:?}"),
        }
    };
    let one = pinned(1, None);
    assert!(one > 0);
    for (cores, task_cpus, tasks) in [(4, None, 4), (4, Some(2), 2), (4, Some(4), 1), (5, Some(2), 2)] {
        // Each is rounded down once.
        assert!(pinned(cores, task_cpus).abs_diff(tasks * one) <= tasks, "{cores} {task_cpus:?}");
    }
}

#[test]
fn large_data_is_cut_by_size() {
    let mut input = join();
    input.nodes[2].bytes = Some(Bytes::gib(10));
    let answer = plan(&input);
    assert_eq!(answer.confs[PARALLELISM_FIRST.key], "false");
    // A heap of 1 GiB: (1024 - 300) * 0.6 / 1 / 3 = 144 MiB, at most 128.
    assert_eq!(answer.confs[ADVISORY_SIZE.key], (128u64 << 20).to_string());
    assert_eq!(answer.confs[SHUFFLE_PARTITIONS.key], "81");
}

/// The join again, whose second node spilled when it ran in 8 tasks.
fn spilled(spilled_mib: u64, shuffle_mib: u64, largest_over_mean: f64) -> PlanQueryInput {
    let mut input = seen(join(), 1, 1, 1);
    let (spilled_bytes, shuffle_bytes) = (Bytes::mib(spilled_mib), Bytes::mib(shuffle_mib));
    input.nodes[1].spill = Some(SpillFacts { spilled_bytes, shuffle_bytes, tasks: 8, largest_over_mean });
    input
}

/// Spill without skew: twice as many partitions. With skew: as many as before, as Spark splits the skewed ones.
#[test]
fn a_query_that_spilled_is_cut_into_twice_as_many_pieces() {
    let of = |input| {
        let answer = plan(&input);
        [SHUFFLE_PARTITIONS, ADVISORY_SIZE]
            .map(|key| answer.confs.get(key.key).and_then(|value| value.parse::<u64>().ok()))
    };
    let advisory = |mib: u64| Some(mib << 20);
    // 3.2 GiB in 8 pieces of 400 MiB: 64 MiB a piece, half of what a task should read.
    assert_eq!(of(spilled(900, 3200, 1.2)), [Some(50), advisory(64)]);
    // 400 MiB in 8 pieces of 50 MiB, which were too large already: 25 MiB a piece.
    assert_eq!(of(spilled(900, 400, 1.2)), [Some(20), advisory(25)]);
    assert_eq!(of(spilled(900, 3200, 3.1)), [Some(25), advisory(128)], "skew is no reason for more");
    assert_eq!(of(spilled(0, 3200, 1.2)), [Some(25), advisory(128)]);
    let mut unseen = spilled(900, 3200, 1.2);
    unseen.nodes[1].seen = 0;
    assert_eq!(of(unseen), [Some(2), None]);
    // Files that say nothing of their rows do not hide what was measured.
    let mut tiny = spilled(900, 3200, 1.2);
    for leaf in &mut tiny.nodes[2..] {
        leaf.bytes = Some(Bytes(1000));
    }
    assert_eq!(of(tiny), [Some(50), advisory(64)]);
}

#[test]
fn small_queries_and_unknown_sizes_are_left_alone() {
    let mut input = join();
    input.nodes[2].bytes = Some(Bytes(1000));
    input.nodes[3].bytes = Some(Bytes(1000));
    let answer = plan(&seen(input, 1, 9, 1_000_000));
    assert_eq!((answer.confs.len(), answer.cache.len()), (0, 0));
    let mut input = join();
    input.nodes[2].bytes = None;
    input.nodes[3].bytes = None;
    assert!(plan(&input).confs.is_empty());
}

#[test]
fn a_key_of_the_users_is_left_alone_unless_the_policy_names_it() {
    let mut input = join();
    let users = ConfFacts { value: Some("7".into()), owner: ConfOwner::User };
    input.confs.insert(SHUFFLE_PARTITIONS.key.into(), users);
    assert!(!plan(&input).confs.contains_key(SHUFFLE_PARTITIONS.key));
    let mut policy = ResolvedPolicy::default();
    policy.autoscaling.overwrite_user_confs = vec![SHUFFLE_PARTITIONS.key.into()];
    assert!(plan_query(&policy, &input).confs.contains_key(SHUFFLE_PARTITIONS.key));
}

#[test]
fn the_first_sighting_is_only_remembered() {
    let answer = plan(&join());
    assert!(answer.cache.is_empty());
    let share = answer.shares["Join"];
    assert!(share > 0.3 && share < 1.0, "{share}");
}

#[test]
fn what_earlier_runs_used_again_is_kept_at_its_first_meeting() {
    let learned = |uses: u32, times: u32| {
        let mut input = join();
        input.nodes[1].learned_uses = Some(uses);
        input.nodes[1].seen = times;
        plan(&input)
    };
    let answer = learned(3, 0);
    assert_eq!(answer.cache.len(), 1, "{:#?}", answer.decisions);
    assert_eq!(answer.cache[0].columns, None);
    let mut wide = join();
    (wide.nodes[1].learned_uses, wide.nodes[1].asked_columns) = (Some(3), Some(Columns::at(9, [0, 4, 5])));
    let answer = plan(&wide);
    assert_eq!(answer.cache[0].columns, wide.nodes[1].asked_columns, "what later queries will ask for is kept at once");
    let made = answer.decisions.iter().find(|made| made.name == "cache").unwrap();
    assert!(made.decision.trace.inputs.iter().any(|input| input.name.starts_with("columns that")));
    let grade = learned(3, 0).decisions.iter().find(|made| made.name == "cache").unwrap().decision.grade;
    assert_eq!(grade, crate::trace::Grade::C, "no better than its time, which nobody has measured");
    assert_eq!((learned(1, 0).cache.len(), learned(1, 0).decisions.len()), (0, 1), "a run used it once");
    assert_eq!(learned(3, 2).cache.len(), 0, "this is its last use");
    assert_eq!(learned(3, 3).cache.len(), 1, "the run goes on beyond what earlier ones did");
}

#[test]
fn a_costly_sub_plan_that_comes_back_is_cached() {
    let answer = plan(&seen(join(), 1, 1, 8_000));
    let expected = CacheChoice { hash: "Join".into(), level: StorageLevel::MemoryAndDisk, columns: None };
    assert_eq!(answer.cache, vec![expected]);
    let cache = answer.decisions.iter().find(|it| it.name == "cache").unwrap();
    assert_eq!(cache.subject, "Join over flights, planes");
    assert!(plan(&seen(join(), 1, 1, 20)).cache.is_empty());
}

/// The join, seen once before, below some operators; the topmost first.
fn below(operators: &[&str]) -> PlanQueryInput {
    let mut input = join();
    let mut nodes: Vec<_> = operators
        .iter()
        .enumerate()
        .map(|(index, operator)| node(index.checked_sub(1).map(|parent| parent as u32), operator))
        .collect();
    let shift = nodes.len() as u32;
    nodes.extend(input.nodes.drain(1..).map(|mut node| {
        node.parent = node.parent.map(|parent| parent + shift - 1);
        node
    }));
    input.nodes = nodes;
    input.nodes[operators.len()].seen = 1;
    input
}

#[test]
fn what_no_query_computed_whole_is_not_cached() {
    let mut always = ResolvedPolicy::default();
    always.temp_tables.cache_strategy = crate::policy::CacheStrategy::Always;
    let cached = |input: &PlanQueryInput| plan_query(&always, input).cache.len();
    for (operators, expected) in [
        (&["Aggregate"][..], 1),
        (&["Aggregate", "Project"], 1),
        (&["Aggregate", "Filter"], 0),
        (&["Aggregate", "Filter", "Project"], 0),
        (&["GlobalLimit", "LocalLimit", "Project"], 0),
    ] {
        let mut input = below(operators);
        assert_eq!(cached(&input), expected, "{operators:?}");
        // A query that ended computed it whole: what it costs is known.
        input.nodes[operators.len()].measured_task_ms = Some(8_000);
        input.nodes[operators.len()].measured_share = Some(0.9);
        assert_eq!(cached(&input), 1, "{operators:?}, measured");
    }
}

#[test]
fn a_join_partner_with_a_filter_narrows_too() {
    let mut always = ResolvedPolicy::default();
    always.temp_tables.cache_strategy = crate::policy::CacheStrategy::Always;
    let mut input = below(&["Aggregate", "Join"]);
    input.nodes[1].join = Some(JoinKind::InnerEqui);
    input.nodes[1].hash = "outer join".into();
    let partner = input.nodes.len() as u32;
    input.nodes.push(node(Some(1), "Project"));
    input.nodes.push(leaf(partner, "airports", 8));
    assert_eq!(plan_query(&always, &input).cache.len(), 1);
    input.nodes[partner as usize].operator = "Filter".into();
    assert!(plan_query(&always, &input).cache.is_empty());
    input.nodes[partner as usize].operator = "Project".into();
    input.nodes[1].one_sided = true;
    assert!(plan_query(&always, &input).cache.is_empty());
}

#[test]
fn times_are_only_taken_of_what_a_query_computes_whole() {
    assert!(plan(&below(&["Aggregate"])).shares.contains_key("Join"));
    let narrowed = plan(&below(&["Aggregate", "Filter"]));
    assert!(!narrowed.shares.contains_key("Join") && narrowed.shares.contains_key("Filter"));
}

#[test]
fn never_nested_and_the_most_saving_first() {
    let input = seen(seen(join(), 0, 1, 8_000), 1, 6, 8_000);
    let hashes: Vec<_> = plan(&input).cache.into_iter().map(|it| it.hash).collect();
    assert_eq!(hashes, ["Join"]);
}

#[test]
fn reasons_not_to_cache_are_obeyed() {
    let changes: [fn(&mut PlanQueryInput); 7] = [
        |input| input.nodes[1].why_not = Some("user_function".into()),
        |input| input.nodes[1].cached = CachedBy::User,
        |input| input.nodes[0].cached = CachedBy::Ours,
        |input| input.nodes[1].released_by_user = true,
        |input| input.nodes[1].source_changes = 1,
        |input| input.truncated = true,
        |input| input.nodes[1].join = Some(JoinKind::CrossOrRange),
    ];
    for (index, change) in changes.into_iter().enumerate() {
        let mut input = seen(join(), 1, 5, 60_000);
        change(&mut input);
        assert!(plan(&input).cache.is_empty(), "change {index}");
    }
}

#[test]
fn why_a_plan_that_comes_again_may_not_be_kept_is_told_once() {
    let told = |input: &PlanQueryInput| -> Vec<(String, String)> {
        let answer = plan(input);
        assert!(answer.cache.is_empty(), "{answer:#?}");
        let made = answer.decisions.into_iter().filter(|it| it.decision.trace.rule == "cache.allowed");
        made.map(|it| (it.subject, it.decision.trace.notes.concat())).collect()
    };
    let refused = |reason: &str, seen: u32| {
        let mut input = seen_all(join(), seen);
        for node in &mut input.nodes[..2] {
            node.why_not = Some(reason.into());
        }
        input
    };
    let notes = told(&refused("user_function", 3));
    assert!(
        matches!(&notes[..], [(subject, note)] if subject == "Join over flights, planes" && note.contains("a function of the program")),
        "{notes:?}"
    );
    assert_eq!(told(&refused("user_function", 0)), [], "nobody asked for it before");
    assert_eq!(told(&refused("correlated_subquery", 3)), []);
    let narrowed = told(&below(&["Aggregate", "Filter"]));
    assert!(matches!(&narrowed[..], [(_, note)] if note.contains("narrows it")), "{narrowed:?}");
    let mut covered = refused("user_function", 3);
    covered.nodes[0].cached = CachedBy::User;
    assert_eq!(told(&covered), [], "it is not computed");
}

/// Every sub-plan held by so many earlier queries.
fn seen_all(mut input: PlanQueryInput, queries: u32) -> PlanQueryInput {
    for node in &mut input.nodes {
        node.seen = queries;
    }
    input
}

#[test]
fn the_policy_can_exclude_plans_by_pattern_or_altogether() {
    let input = seen(join(), 1, 5, 60_000);
    let mut policy = ResolvedPolicy::default();
    policy.temp_tables.cache_queries_except = vec!["data/planes".into()];
    assert!(plan_query(&policy, &input).cache.is_empty());
    let mut policy = ResolvedPolicy::default();
    policy.temp_tables.cache_queries = false;
    assert!(plan_query(&policy, &input).cache.is_empty());
}

#[test]
fn a_plan_that_occurs_twice_in_a_query_is_kept_once_and_nothing_below_it() {
    let mut nodes = vec![node(None, "Union")];
    for side in 0..2 {
        let top = nodes.len() as u32;
        nodes.push(PlanNode { hash: ["side ", &side.to_string()].concat(), ..node(Some(0), "Aggregate") });
        nodes.push(PlanNode { hash: "outer".into(), ..node(Some(top), "Project") });
        nodes.push(PlanNode { hash: "inner".into(), ..node(Some(top + 1), "Project") });
        nodes.push(PlanNode { join: Some(JoinKind::InnerEqui), ..node(Some(top + 2), "Join") });
        nodes.push(leaf(top + 3, "flights", 64));
        nodes.push(leaf(top + 3, "planes", 8));
    }
    let answer = plan(&PlanQueryInput { nodes, ..join() });
    let kept: Vec<&str> = answer.cache.iter().map(|choice| choice.hash.as_str()).collect();
    assert_eq!(kept, ["outer"]);
}

#[test]
fn equal_parts_of_a_query_are_computed_once_by_spark_itself() {
    // The union of three aggregations over a join, each in a projection of its own.
    let kept = |aggregations: [&str; 3]| {
        let mut nodes = vec![node(None, "Union")];
        for (place, hash) in aggregations.into_iter().enumerate() {
            let top = nodes.len() as u32;
            nodes.push(PlanNode { hash: alloc::format!("place {place}"), ..node(Some(0), "Project") });
            nodes.push(PlanNode { hash: hash.into(), ..node(Some(top), "Aggregate") });
            nodes.push(PlanNode {
                hash: "joined".into(),
                join: Some(JoinKind::InnerEqui),
                ..node(Some(top + 1), "Join")
            });
            nodes.push(leaf(top + 2, "flights", 64));
            nodes.push(leaf(top + 2, "planes", 8));
        }
        plan(&PlanQueryInput { nodes, ..join() }).cache.into_iter().map(|it| it.hash).collect::<Vec<_>>()
    };
    assert_eq!(kept(["equal", "equal", "equal"]), [""; 0], "Spark runs one and reads its shuffle three times");
    assert_eq!(kept(["one", "two", "three"]), ["joined"], "each runs the join");
}

#[test]
fn what_does_not_fit_memory_goes_to_disk_and_what_is_far_too_large_nowhere() {
    let mut input = seen(join(), 1, 5, 600_000);
    input.nodes[2].bytes = Some(Bytes::mib(300));
    assert_eq!(plan(&input).cache[0].level, StorageLevel::DiskOnly);
    input.nodes[2].bytes = Some(Bytes::gib(30));
    assert!(plan(&input).cache.is_empty());
}

#[test]
fn unused_entries_are_let_go() {
    let mut input = join();
    input.entries = vec![CacheEntryFacts {
        id: "old".into(),
        idle_ms: 61_000,
        mean_gap_ms: Some(100),
        ..CacheEntryFacts::default()
    }];
    assert_eq!(plan(&input).uncache, ["old"]);
}

#[test]
fn hostile_plans_end_and_do_not_panic() {
    let mut input = seen(join(), 1, u32::MAX, u64::MAX);
    for node in &mut input.nodes {
        node.bytes = Some(Bytes(u64::MAX));
        node.rows = Some(u64::MAX);
        node.row_bytes = u64::MAX;
        node.parent = Some(2);
    }
    input.storage_fraction = Some(f64::NAN);
    input.memory_fraction = Some(f64::INFINITY);
    input.slots = Some(0);
    plan(&input);
    plan(&PlanQueryInput::default());
}
