//! Conditions in CEL, the Common Expression Language (cel-spec.dev): read once, bounded in size, and asked of a question's facts.
//!
//! An expression has no loops of its own; what goes over lists (`all`, `exists`, `filter`, `map`) may not be nested more than
//! [`MOST_NESTED_LISTS`] deep, so that its work grows with the facts and not with powers of them.

use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;

use cel::common::ast::{EntryExpr, Expr, IdedExpr};
use cel::parser::PrattParser;
use cel::{Context, Env, ExecutionError, Value};

/// The longest condition, in bytes.
pub const LONGEST: usize = 1_000;
/// The most parts that a condition may have.
pub const MOST_PARTS: usize = 200;
/// How deep brackets may be nested.
pub const MOST_DEPTH: u16 = 24;
/// How many parts may be one within the other: each takes stack to be asked, and a policy module has little.
pub const MOST_STEPS: usize = 64;
/// How deep list operations may be nested in one another.
pub const MOST_NESTED_LISTS: usize = 2;

/// Why a text is no condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadExpression {
    /// What kind of mistake it is.
    pub mistake: Mistake,
    /// What is wrong: lower case, no full stop.
    pub message: String,
    /// Where in the text, in characters from 0; 0 where it is the whole.
    pub at: usize,
}

/// What kind of mistake is in a condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mistake {
    /// It is not written in CEL.
    Syntax,
    /// It is longer or more deeply nested than is allowed.
    TooLarge,
    /// It uses a variable that there is not.
    UnknownVariable(String),
    /// It uses the plan, which is not known when the condition is checked.
    PlanNotKnown,
}

impl BadExpression {
    /// A mistake with its place in the text.
    #[must_use]
    pub const fn new(mistake: Mistake, message: String, at: usize) -> Self {
        Self { mistake, message, at }
    }
}

/// A condition that was read.
#[derive(Debug, Clone)]
pub struct Expression {
    parsed: IdedExpr,
    variables: Vec<String>,
}

impl Expression {
    /// Reads a condition that may use `variables` and no others.
    ///
    /// # Errors
    /// What is wrong with the text, with its place.
    pub fn parse(text: &str, variables: &[&str]) -> Result<Self, BadExpression> {
        let bad = |message: &str| BadExpression::new(Mistake::Syntax, message.to_string(), 0);
        let too_large = |message: String| BadExpression::new(Mistake::TooLarge, message, 0);
        if text.trim().is_empty() {
            return Err(bad("is empty"));
        }
        if text.len() > LONGEST {
            return Err(too_large(alloc::format!("has {} bytes; at most {LONGEST} are allowed", text.len())));
        }
        // The parser counts its own depth; brackets are counted first, since it may look far ahead at them.
        let deepest = deepest_bracket(text);
        if deepest > usize::from(MOST_DEPTH) {
            return Err(too_large(alloc::format!(
                "nests brackets {deepest} levels deep; at most {MOST_DEPTH} are allowed"
            )));
        }
        let parser = PrattParser::new().max_recursion_depth(MOST_DEPTH * 4);
        let parsed = parser.parse(text).map_err(|errors| match errors.errors.first() {
            Some(error) => BadExpression::new(Mistake::Syntax, tidy(&error.msg), place(text, error.pos)),
            None => bad("can't be read"),
        })?;
        let (count, depth) = size(&parsed.expr);
        if count > MOST_PARTS || depth > MOST_STEPS {
            return Err(too_large(alloc::format!(
                "has {count} parts, nested {depth} levels deep; at most {MOST_PARTS} parts and {MOST_STEPS} levels are allowed"
            )));
        }
        let nested = nested_lists(&parsed.expr);
        if nested > MOST_NESTED_LISTS {
            return Err(too_large(alloc::format!(
                "nests {nested} list operations in one another; at most {MOST_NESTED_LISTS} are allowed"
            )));
        }
        let references = parsed.references();
        let mut named: Vec<String> = references
            .variables()
            .into_iter()
            // Names that list operations make for themselves.
            .filter(|name| !is_bound(&parsed.expr, name) && !name.starts_with('@'))
            .map(ToString::to_string)
            .collect();
        named.sort_unstable();
        named.dedup();
        if let Some(unknown) = named.iter().find(|name| !variables.contains(&name.as_str())) {
            let at =
                text.find(unknown.as_str()).map_or(0, |at| text.get(..at).map_or(0, |before| before.chars().count()));
            let message = alloc::format!("uses the unknown variable `{unknown}`; known are {}", variables.join(", "));
            return Err(BadExpression::new(Mistake::UnknownVariable(unknown.clone()), message, at));
        }
        drop(references);
        Ok(Self { parsed, variables: named })
    }

    /// Whether it uses a variable.
    #[must_use]
    pub fn names(&self, variable: &str) -> bool {
        self.variables.iter().any(|name| name == variable)
    }

    /// Asks the condition.
    ///
    /// # Errors
    /// In words: facts that it uses are not known, or have another type, or its value is neither true nor false.
    pub fn holds(&self, facts: &Facts<'_>) -> Result<bool, String> {
        match facts.context.resolve(&self.parsed) {
            Ok(Value::Bool(yes)) => Ok(yes),
            Ok(other) => Err(alloc::format!("its value is {}, not true or false", kind(&other))),
            Err(error) => Err(why(&error)),
        }
    }
}

/// The functions of CEL: made once, since that takes longer than most questions.
#[derive(Clone)]
pub struct Functions(Arc<Env>);

impl Default for Functions {
    fn default() -> Self {
        Self(Arc::new(Env::stdlib()))
    }
}

impl core::fmt::Debug for Functions {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Functions")
    }
}

/// Facts that conditions are asked of, by the names of their variables.
pub struct Facts<'a> {
    context: Context<'a, 'a>,
}

impl Facts<'_> {
    /// No facts yet.
    #[must_use]
    pub fn new(functions: &Functions) -> Self {
        Self { context: Context::with_env(Arc::clone(&functions.0)) }
    }

    /// Adds what `name` stands for.
    pub fn add(&mut self, name: &str, value: &serde_json::Value) {
        self.context.add_variable_from_value(name, from_json(value));
    }
}

/// JSON as CEL has it: whole numbers are `int` where they fit it, so that they compare with numbers in conditions.
fn from_json(value: &serde_json::Value) -> Value {
    use serde_json::Value as Json;
    match value {
        Json::Null => Value::Null,
        Json::Bool(yes) => Value::Bool(*yes),
        Json::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(whole), _) => Value::Int(whole),
            (None, Some(large)) => Value::UInt(large),
            (None, None) => Value::Float(number.as_f64().unwrap_or_default()),
        },
        Json::String(text) => Value::String(Arc::new(text.clone())),
        Json::Array(elements) => Value::List(Arc::new(elements.iter().map(from_json).collect())),
        Json::Object(members) => {
            let map: Vec<(String, Value)> = members
                .iter()
                // What is not known is not there, so that `has` says so.
                .filter(|(_, value)| !value.is_null())
                .map(|(key, value)| (key.clone(), from_json(value)))
                .collect();
            Value::Map(map.into_iter().collect::<std::collections::HashMap<String, Value>>().into())
        }
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Int(_) | Value::UInt(_) | Value::Float(_) => "a number",
        Value::String(_) => "a text",
        Value::List(_) => "a list",
        Value::Map(_) => "a map",
        Value::Bool(_) => "true or false",
        Value::Null => "null",
        _ => "a value",
    }
}

/// Why a condition can't be asked. The engine's own words print values in the form of Rust's debugger, which is for nobody who writes policies.
fn why(error: &ExecutionError) -> String {
    match error {
        ExecutionError::NoSuchKey(name) | ExecutionError::UndeclaredReference(name) => {
            alloc::format!("`{name}` is not known")
        }
        ExecutionError::NoSuchOverload(overload) => {
            // An operator's name has an underscore for each of its operands.
            let name = overload.function().trim_matches('_');
            not_with(name, overload.argument_types().iter().map(|of| kind_of_type(of)))
        }
        ExecutionError::ValuesNotComparable(left, right) => {
            alloc::format!("{} can't be compared with {}", kind(left), kind(right))
        }
        ExecutionError::UnsupportedBinaryOperator(operator, left, right) => {
            not_with(operator, [kind(left), kind(right)].into_iter())
        }
        ExecutionError::UnsupportedIndex(index, of) => {
            alloc::format!("{} can't be indexed by {}", kind(of), kind(index))
        }
        ExecutionError::IndexOutOfBounds(_) => "an index is beyond the end of its list".to_string(),
        ExecutionError::DivisionByZero(_) | ExecutionError::RemainderByZero(_) => "it divides by zero".to_string(),
        ExecutionError::Overflow(operator, ..) => alloc::format!("the result of `{}` is too large", sign(operator)),
        ExecutionError::FunctionError { function, message } => alloc::format!("`{function}`: {message}"),
        _ => "an operation doesn't fit its values".to_string(),
    }
}

/// What an operator or function can't take, in words.
fn not_with<'k>(name: &str, kinds: impl Iterator<Item = &'k str>) -> String {
    let kinds: Vec<&str> = kinds.collect();
    match (kinds.as_slice(), name) {
        ([left, right], "<" | "<=" | ">" | ">=") => alloc::format!("`{name}` can't compare {left} with {right}"),
        _ => alloc::format!("`{}` can't take {}", sign(name), kinds.join(" and ")),
    }
}

/// An operator as conditions write it; other names stay.
fn sign(name: &str) -> &str {
    match name {
        "add" => "+",
        "sub" => "-",
        "mul" => "*",
        "div" => "/",
        "rem" => "%",
        other => other,
    }
}

/// The name of a type of CEL, for people.
fn kind_of_type(name: &str) -> &str {
    match name {
        "int" | "uint" | "double" => "a number",
        "string" => "a text",
        "list" => "a list",
        "map" => "a map",
        "bool" => "true or false",
        "null_type" => "null",
        other => other,
    }
}

/// A message of the parser without its heading, in the form of ours.
fn tidy(message: &str) -> String {
    let line = message.lines().next().unwrap_or_default();
    let line = line.strip_prefix("Syntax error: ").unwrap_or(line);
    // It quotes the condition, which may hold tabs and worse.
    let mut characters = line.chars().map(|c| if c.is_control() { ' ' } else { c });
    let Some(first) = characters.next() else { return "can't be read".to_string() };
    let words: String = first.to_lowercase().chain(characters).take(200).collect();
    words.trim_end_matches('.').to_string()
}

/// The parser's line and column, from 1, as characters from the start of the text.
fn place(text: &str, (line, column): (isize, isize)) -> usize {
    let line = usize::try_from(line).unwrap_or(0).saturating_sub(1);
    let column = usize::try_from(column).unwrap_or(0).saturating_sub(1);
    let before: usize = text.split('\n').take(line).map(|line| line.chars().count() + 1).sum();
    (before + column).min(text.chars().count())
}

fn deepest_bracket(text: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0_usize);
    for character in text.chars() {
        match character {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

/// The parts that an expression is directly made of.
fn parts(expr: &Expr) -> Vec<&Expr> {
    match expr {
        Expr::Call(call) => {
            call.target.iter().map(|target| &target.expr).chain(call.args.iter().map(|arg| &arg.expr)).collect()
        }
        Expr::Comprehension(over) => {
            let parts = [&over.iter_range, &over.accu_init, &over.loop_cond, &over.loop_step, &over.result];
            parts.into_iter().map(|part| &part.expr).collect()
        }
        Expr::List(list) => list.elements.iter().map(|element| &element.expr).collect(),
        Expr::Map(map) => map.entries.iter().flat_map(|entry| entry_parts(&entry.expr)).collect(),
        Expr::Struct(of) => of.entries.iter().flat_map(|entry| entry_parts(&entry.expr)).collect(),
        Expr::Select(select) => alloc::vec![&select.operand.expr],
        Expr::Unspecified | Expr::Ident(_) | Expr::Literal(_) => Vec::new(),
    }
}

fn entry_parts(entry: &EntryExpr) -> Vec<&Expr> {
    match entry {
        EntryExpr::StructField(field) => alloc::vec![&field.value.expr],
        EntryExpr::MapEntry(entry) => alloc::vec![&entry.key.expr, &entry.value.expr],
    }
}

/// How many parts an expression has, and how many are one within the other; without recursion, since nobody has bounded it yet.
fn size(expr: &Expr) -> (usize, usize) {
    let (mut count, mut deepest) = (0, 0);
    let mut left = alloc::vec![(expr, 1_usize)];
    while let Some((expr, depth)) = left.pop() {
        count += 1;
        deepest = deepest.max(depth);
        left.extend(parts(expr).into_iter().map(|part| (part, depth + 1)));
    }
    (count, deepest)
}

fn nested_lists(expr: &Expr) -> usize {
    let below = parts(expr).into_iter().map(nested_lists).max().unwrap_or(0);
    below + usize::from(matches!(expr, Expr::Comprehension(_)))
}

/// Whether a list operation of the expression gives `name` to its elements.
fn is_bound(expr: &Expr, name: &str) -> bool {
    let here = match expr {
        Expr::Comprehension(over) => {
            over.iter_var == name || over.accu_var == name || over.iter_var2.as_deref() == Some(name)
        }
        _ => false,
    };
    here || parts(expr).into_iter().any(|part| is_bound(part, name))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    fn holds(text: &str) -> Result<bool, String> {
        let expression = Expression::parse(text, &["job", "hour", "labels"]).map_err(|bad| bad.message)?;
        let mut facts = Facts::new(&Functions::default());
        facts.add(
            "job",
            &json!({"input_bytes": 107_374_182_400_u64, "processing": "query", "uses": null, "sizes": [1, 2, 30]}),
        );
        facts.add("hour", &json!(23));
        expression.holds(&facts)
    }

    #[test]
    fn conditions_are_asked_of_facts() {
        for (text, expected) in [
            ("hour >= 22 || hour < 6", true),
            ("job.processing == 'query' && job.input_bytes > 1000", true),
            ("has(job.uses)", false),
            ("has(job.processing) && job.processing.startsWith('q')", true),
            ("job.sizes.exists(size, size > 20)", true),
            ("job.sizes.all(size, size > 20)", false),
            ("size(job.sizes) == 3", true),
            ("job.processing in ['ml', 'etl']", false),
            ("double(job.input_bytes) / 1073741824.0 > 99.5", true),
        ] {
            assert_eq!(holds(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_not_there_or_no_condition_is_said() {
        for (text, words) in [
            ("job.nowhere > 3", "`nowhere` is not known"),
            ("labels.team == 'x'", "`labels` is not known"),
            ("hour + 1", "its value is a number, not true or false"),
            ("hour > 'x'", "`>` can't compare a number with a text"),
            ("hour + 'x' == 1", "`+` can't take a number and a text"),
            ("size(hour) > 1", "`size` can't take a number"),
            ("1 / 0 == 1", "it divides by zero"),
            ("9223372036854775807 + hour > 0", "the result of `+` is too large"),
            ("job.sizes[3] > 3", "an index is beyond the end of its list"),
            ("int('x') > 3", "`int`: string parse error: invalid digit found in string"),
            ("hour ? true : false", "an operation doesn't fit its values"),
        ] {
            assert_eq!(holds(text).unwrap_err(), words, "{text}");
        }
    }

    #[test]
    fn texts_that_are_no_conditions_are_refused_with_their_place() {
        let bad = |text: &str| Expression::parse(text, &["job", "hour"]).unwrap_err();
        assert_eq!(bad("hour >= 22 && hours < 6").at, 14);
        assert_eq!(bad("hour >= 22 && hours < 6").message, "uses the unknown variable `hours`; known are job, hour");
        assert_eq!(bad("hours < 6").mistake, Mistake::UnknownVariable("hours".into()));
        assert_eq!(bad("  ").message, "is empty");
        assert!(bad("hour >").message.len() > 3);
        assert!(bad("hour > > 3").at >= 7);
        assert!(bad(&"1+".repeat(600)).message.contains("1000 are allowed"));
        assert!(bad(&alloc::format!("{}1{}", "(".repeat(60), ")".repeat(60))).message.contains("24 are allowed"));
        let product = "[1,2].all(a, [1,2].all(b, [1,2].all(c, a + b + c > 0)))";
        assert!(bad(product).message.contains("nests 3 list operations"));
        assert!(
            bad(&["hour", " + hour".repeat(120).as_str(), " > 0"].concat())
                .message
                .contains("243 parts, nested 122 levels deep")
        );
        // The parser folds these; either way nothing overflows.
        for sign in ["!", "-"] {
            let _ = Expression::parse(&[sign.repeat(900).as_str(), "hour > 0"].concat(), &["hour"]);
        }
    }
}
