//! Rules of a policy: a condition over the facts of a question, and what it changes for that decision, or that it forbids it.
//!
//! Rules are asked in the order of the file, each on the policy as the ones before left it. Those that only forbid and name the `plan` are
//! asked last, of what was decided. A condition that can't be answered, as one about a fact that is not there, changes nothing and is
//! told with its reason; so is a change that would leave the policy contradicting itself.

pub mod expression;

use alloc::borrow::Cow;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::abi::{DecisionPoint, codes};
use crate::error::ErrorBody;
use crate::json::read;
use crate::policy::{Layer, ResolvedPolicy, Rule};
use expression::{BadExpression, Expression, Facts, Functions, Mistake};

/// The most rules of a policy.
pub const MOST_RULES: usize = 64;

/// What a condition may name. `plan` is known only to a rule that forbids.
pub const VARIABLES: [&str; 10] =
    ["cluster", "environment", "history", "hour", "input", "job", "labels", "plan", "point", "weekday"];
/// The name of what was decided.
const PLAN: &str = "plan";

impl Rule {
    /// Whether it is asked at this decision point.
    #[must_use]
    pub fn is_asked_at(&self, point: DecisionPoint) -> bool {
        let named = self.at.is_empty() || self.at.contains(&point);
        named && (self.deny.is_none() || can_be_denied(point))
    }

    /// Its condition, read.
    ///
    /// # Errors
    /// What is wrong with it, with its place.
    pub fn condition(&self) -> Result<Expression, BadExpression> {
        let expression = Expression::parse(&self.when, &VARIABLES)?;
        if self.deny.is_none() && expression.names(PLAN) {
            let message = "uses `plan`, which is known only to a rule with `deny`".to_string();
            let before = self.when.split(PLAN).next().unwrap_or_default();
            return Err(BadExpression::new(Mistake::PlanNotKnown, message, before.chars().count()));
        }
        Ok(expression)
    }
}

/// Whether a decision at this point can be forbidden: what has not begun can, what runs goes on.
#[must_use]
pub const fn can_be_denied(point: DecisionPoint) -> bool {
    matches!(point, DecisionPoint::PlanLaunch | DecisionPoint::PlanStage)
}

/// What came of a rule whose condition held, or could not be answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RuleOutcome {
    /// The rule's name.
    pub rule: String,
    /// Whether it changed the policy for this decision.
    pub applied: bool,
    /// Why it did not, or which keys it set.
    pub because: String,
}

/// The rules of a policy, ready to be asked.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    rules: Vec<(Rule, Expression)>,
    functions: Option<Functions>,
}

/// A policy under its rules, for one decision.
#[derive(Debug, Clone, PartialEq)]
pub struct Ruled<'a> {
    /// The policy.
    pub policy: Cow<'a, ResolvedPolicy>,
    /// What came of the rules.
    pub outcomes: Vec<RuleOutcome>,
}

impl Rules {
    /// Reads the conditions of all rules.
    ///
    /// # Errors
    /// `bad_policy` for too many rules or a condition that can't be read, with its place.
    pub fn read(rules: &[Rule]) -> Result<Self, ErrorBody> {
        if rules.len() > MOST_RULES {
            let message = alloc::format!("there are {} rules; at most {MOST_RULES} are allowed", rules.len());
            return Err(ErrorBody::new(codes::BAD_POLICY, message).at("rules"));
        }
        let read = |(index, rule): (usize, &Rule)| match rule.condition() {
            Ok(condition) => Ok((rule.clone(), condition)),
            Err(bad) => {
                let message =
                    alloc::format!("the condition of `{}` {} (character {})", rule.name, bad.message, bad.at + 1);
                Err(ErrorBody::new(codes::BAD_POLICY, message).at(alloc::format!("rules[{index}].when")))
            }
        };
        let rules: Vec<_> = rules.iter().enumerate().map(read).collect::<Result<_, _>>()?;
        let functions = (!rules.is_empty()).then(Functions::default);
        Ok(Self { rules, functions })
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// The policy for a question: with what the rules change, whose conditions hold.
    ///
    /// # Errors
    /// `denied` where a rule forbids what is asked about.
    pub fn apply<'a>(
        &self,
        policy: &'a ResolvedPolicy,
        point: DecisionPoint,
        question: &Value,
    ) -> Result<Ruled<'a>, ErrorBody> {
        let mut ruled = Ruled { policy: Cow::Borrowed(policy), outcomes: Vec::new() };
        let Some(functions) = &self.functions else { return Ok(ruled) };
        let facts = facts(functions, policy, point, question);
        for (index, (rule, condition)) in self.rules.iter().enumerate() {
            if !rule.is_asked_at(point) || condition.names(PLAN) {
                continue;
            }
            match condition.holds(&facts) {
                Ok(false) => {}
                Ok(true) => {
                    denied(rule, index)?;
                    match set(&ruled.policy, rule) {
                        Ok(changed) => {
                            ruled.policy = Cow::Owned(changed);
                            let keys: Vec<&str> = rule.set.keys().map(String::as_str).collect();
                            ruled.outcomes.push(outcome(rule, true, keys.join(", ")));
                        }
                        Err(why) => ruled.outcomes.push(outcome(rule, false, why)),
                    }
                }
                Err(why) => ruled.outcomes.push(outcome(rule, false, why)),
            }
        }
        Ok(ruled)
    }

    /// Asks the rules that forbid by what was decided; what could not be answered is added to `outcomes`.
    ///
    /// # Errors
    /// `denied` where a rule forbids it.
    pub fn approve(
        &self,
        policy: &ResolvedPolicy,
        point: DecisionPoint,
        question: &Value,
        answer: &Value,
        outcomes: &mut Vec<RuleOutcome>,
    ) -> Result<(), ErrorBody> {
        let mut asked = self.rules.iter().enumerate();
        let wanted =
            |(_, (rule, condition)): &(usize, &(Rule, Expression))| rule.is_asked_at(point) && condition.names(PLAN);
        let (Some(functions), true) = (&self.functions, asked.any(|rule| wanted(&rule))) else { return Ok(()) };
        let mut facts = facts(functions, policy, point, question);
        facts.add(PLAN, &plain(answer));
        for (index, (rule, condition)) in self.rules.iter().enumerate().filter(wanted) {
            match condition.holds(&facts) {
                Ok(true) => denied(rule, index)?,
                Ok(false) => {}
                Err(why) => outcomes.push(outcome(rule, false, why)),
            }
        }
        Ok(())
    }
}

fn outcome(rule: &Rule, applied: bool, because: String) -> RuleOutcome {
    RuleOutcome { rule: rule.name.clone(), applied, because }
}

fn denied(rule: &Rule, index: usize) -> Result<(), ErrorBody> {
    match &rule.deny {
        Some(message) => {
            let message = alloc::format!("{message} (rule `{}`)", rule.name);
            Err(ErrorBody::new(codes::DENIED, message).at(alloc::format!("rules[{index}]")))
        }
        None => Ok(()),
    }
}

/// What a condition is asked of.
fn facts(functions: &Functions, policy: &ResolvedPolicy, point: DecisionPoint, question: &Value) -> Facts<'static> {
    let mut facts = Facts::new(functions);
    facts.add("point", &json!(point.name()));
    facts.add("environment", &json!(policy.environment));
    facts.add("input", question);
    for name in ["job", "cluster", "history", "labels"] {
        facts.add(name, question.get(name).filter(|value| value.is_object()).unwrap_or(&json!({})));
    }
    if let Some((hour, weekday)) = moment(question) {
        facts.add("hour", &json!(hour));
        facts.add("weekday", &json!(weekday));
    }
    facts
}

/// The hour (0 to 23) and the day of the week (1 for Monday to 7 for Sunday) at the place of the run.
fn moment(question: &Value) -> Option<(i64, i64)> {
    const MINUTES_A_DAY: i64 = 24 * 60;
    let now_ms = question.get("now_ms")?.as_u64().filter(|ms| *ms > 0)?;
    let offset =
        question.get("utc_offset_minutes").and_then(Value::as_i64).unwrap_or(0).clamp(-MINUTES_A_DAY, MINUTES_A_DAY);
    let minutes = i64::try_from(now_ms / 60_000).ok()? + offset;
    // The first day of Unix time was a Thursday.
    let weekday = (minutes.div_euclid(MINUTES_A_DAY) + 3).rem_euclid(7) + 1;
    Some((minutes.rem_euclid(MINUTES_A_DAY) / 60, weekday))
}

/// What was decided, for conditions: values without their accounts, money in the policy's currency, run times in minutes.
#[must_use]
pub fn plain(answer: &Value) -> Value {
    let mut plan = serde_json::Map::new();
    for (name, member) in answer.as_object().into_iter().flatten() {
        plan.insert(name.clone(), member.get("value").unwrap_or(member).clone());
    }
    let figure = |path: &str, unit: f64| answer.pointer(path).and_then(Value::as_f64).map(|number| number / unit);
    plan.remove("cost");
    plan.remove("run_time");
    if let Some(cost) = figure("/cost/value/micros", 1e6) {
        plan.insert("cost".to_string(), json!(cost));
    }
    if let Some(minutes) = figure("/run_time/value/run_ms", 60_000.0) {
        plan.insert("run_minutes".to_string(), json!(minutes));
    }
    Value::Object(plan)
}

/// The policy with what a rule sets; why not, where that would contradict itself.
fn set(policy: &ResolvedPolicy, rule: &Rule) -> Result<ResolvedPolicy, String> {
    // Through bytes, which are read and written anyway: another form of the policy would make the module much larger.
    let mut json: Value = serde_json::to_vec(policy)
        .and_then(|bytes| serde_json::from_slice(&bytes))
        .map_err(|error| error.to_string())?;
    for (path, value) in &rule.set {
        let (section, name) = path.rsplit_once('.').ok_or_else(|| alloc::format!("`{path}` is no key"))?;
        let section = section.rsplit('.').next().unwrap_or(section);
        let slot = json.get_mut(section).and_then(|section| section.get_mut(name));
        *slot.ok_or_else(|| alloc::format!("`{path}` is no key"))? = value.clone();
    }
    let bytes = serde_json::to_vec(&json).map_err(|error| error.to_string())?;
    let mut changed: ResolvedPolicy = read(&bytes, codes::BAD_POLICY).map_err(|error| error.message)?;
    changed.validate().map_err(|(path, sentence)| alloc::format!("with it `{path}` {sentence}"))?;
    for path in rule.set.keys() {
        changed.origins.insert(path.clone(), Layer::Rule);
        changed.ruled_by.insert(path.clone(), rule.name.clone());
    }
    Ok(changed)
}

/// Checks what the values of a rule's `set` do to the policy that it stands in.
///
/// # Errors
/// Why that policy would contradict itself.
pub fn check_set(policy: &ResolvedPolicy, rule: &Rule) -> Result<(), String> {
    set(policy, rule).map(drop)
}

#[cfg(test)]
mod tests;
