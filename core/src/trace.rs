//! Why a decision has the value it has: the rule, its inputs, what bounded it and how well founded it is.
//!
//! A decision is a value *with* its trace; nothing in this crate gives a number without one. [`Trace::render`] is the
//! one place that turns a trace into prose, for the command, the web page and the run's report alike.

mod flip;

pub use flip::{Along, Flip, Side};

use alloc::borrow::Cow;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::Write as _;
use serde::{Deserialize, Serialize};

use crate::units::Bytes;

/// How well founded a decision is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Grade {
    /// Nothing in it is estimated: measured in this run, or set by the user or the policy.
    A,
    /// Predicted from the history of this job.
    B,
    /// An estimate: a rule of thumb, without history.
    C,
}

impl Grade {
    /// What the letter means, for people.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::A => "measured or set",
            Self::B => "predicted",
            Self::C => "estimate",
        }
    }
}

/// The unit of a quantity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// A plain count or ratio.
    None,
    /// Bytes.
    Bytes,
    /// Milliseconds.
    Milliseconds,
    /// Executors.
    Executors,
    /// Processor cores.
    Cores,
    /// Task slots.
    Slots,
    /// Tasks.
    Tasks,
    /// Partitions.
    Partitions,
    /// Times that something is used.
    Uses,
    /// Millionths of the policy's currency.
    Micros,
}

/// A number or a word in a trace.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum Scalar {
    /// True or false.
    Flag(bool),
    /// A whole number: bytes, counts, milliseconds.
    Whole(u64),
    /// A finite ratio or factor.
    Real(f64),
    /// A name, a level, a mode.
    Word(Cow<'static, str>),
    /// Nothing known.
    Unknown,
}

impl From<bool> for Scalar {
    fn from(value: bool) -> Self {
        Self::Flag(value)
    }
}
impl From<u64> for Scalar {
    fn from(value: u64) -> Self {
        Self::Whole(value)
    }
}
impl From<u32> for Scalar {
    fn from(value: u32) -> Self {
        Self::Whole(u64::from(value))
    }
}
impl From<Bytes> for Scalar {
    fn from(value: Bytes) -> Self {
        Self::Whole(value.get())
    }
}
impl From<f64> for Scalar {
    /// A number that is not finite has no place in JSON and becomes [`Scalar::Unknown`].
    fn from(value: f64) -> Self {
        if value.is_finite() { Self::Real(value) } else { Self::Unknown }
    }
}
impl From<&'static str> for Scalar {
    fn from(value: &'static str) -> Self {
        Self::Word(Cow::Borrowed(value))
    }
}
impl From<String> for Scalar {
    fn from(value: String) -> Self {
        Self::Word(Cow::Owned(value))
    }
}
impl<T: Into<Scalar>> From<Option<T>> for Scalar {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Unknown, Into::into)
    }
}

impl Scalar {
    /// The value as people read it, with `unit`.
    #[must_use]
    pub fn render(&self, unit: Unit) -> String {
        match (self, unit) {
            (Self::Whole(n), Unit::Bytes) => Bytes(*n).to_string(),
            (Self::Whole(n), Unit::Milliseconds) => render_ms(*n),
            (Self::Whole(n), Unit::Micros) => render_micros(*n),
            (Self::Whole(n), _) => n.to_string(),
            (Self::Real(x), _) => {
                let text = alloc::format!("{x:.3}");
                text.trim_end_matches('0').trim_end_matches('.').to_string()
            }
            (Self::Flag(flag), _) => flag.to_string(),
            (Self::Word(word), _) => word.to_string(),
            (Self::Unknown, _) => "unknown".to_string(),
        }
    }
}

/// Milliseconds as people read them: `250 ms`, `12.4 s`, `3 min 20 s`, `2 h 5 min`.
#[must_use]
pub fn render_ms(ms: u64) -> String {
    match ms {
        0..1_000 => alloc::format!("{ms} ms"),
        1_000..60_000 => alloc::format!("{}.{} s", ms / 1_000, ms % 1_000 / 100),
        60_000..3_600_000 => alloc::format!("{} min {} s", ms / 60_000, ms % 60_000 / 1_000),
        _ => alloc::format!("{} h {} min", ms / 3_600_000, ms % 3_600_000 / 60_000),
    }
}

/// Millionths of a currency as people read money: `0.0004`, `12.50`.
#[must_use]
pub fn render_micros(micros: u64) -> String {
    let (whole, millionths) = (micros / 1_000_000, micros % 1_000_000);
    if whole == 0 && (1..10_000).contains(&millionths) {
        let text = alloc::format!("0.{millionths:06}");
        return text.trim_end_matches('0').to_string();
    }
    // To the nearest hundredth; what rounds up to a whole unit carries over.
    let hundredths = (millionths + 5_000) / 10_000;
    alloc::format!("{}.{:02}", whole.saturating_add(hundredths / 100), hundredths % 100)
}

/// One input of a rule: its name, value, unit and where it came from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Input {
    /// By what programs read it back; empty for what is for people alone.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    pub id: Cow<'static, str>,
    /// What it is, in the field's words.
    pub name: Cow<'static, str>,
    /// Its value.
    pub value: Scalar,
    /// Its unit.
    pub unit: Unit,
    /// Where it came from: a policy key with its layer, a measurement, an assumption.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    pub from: Cow<'static, str>,
}

/// A bound that a rule's value was held against, whether it changed it or not.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Bound {
    /// The policy key, quota or guard.
    pub name: Cow<'static, str>,
    /// The bound itself.
    pub limit: Scalar,
    /// The value before.
    pub before: Scalar,
    /// The value after.
    pub after: Scalar,
}

impl Bound {
    /// Whether the bound changed the value.
    #[must_use]
    pub fn changed(&self) -> bool {
        self.before != self.after
    }

    /// What it did to the value.
    #[must_use]
    pub fn verb(&self) -> &'static str {
        match (&self.before, &self.after) {
            (Scalar::Whole(before), Scalar::Whole(after)) if after > before => "raised",
            (Scalar::Whole(_), Scalar::Whole(_)) => "lowered",
            _ => "set",
        }
    }

    /// Its name without the section and the layer of a policy key: `min_executors`.
    #[must_use]
    pub fn short_name(&self) -> &str {
        let (path, key) = match self.name.split_once(", ") {
            Some((path, _)) => (path, path.rsplit('.').next()),
            None => (&*self.name, None),
        };
        key.filter(|_| !path.contains(' ')).unwrap_or(&self.name)
    }
}

/// The account of one decision.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Trace {
    /// The rule's name, as `executors.time`.
    pub rule: Cow<'static, str>,
    /// The rule's formula in words, with the source where it is not ours.
    pub formula: Cow<'static, str>,
    /// What went in.
    pub inputs: Vec<Input>,
    /// What it would have been without any bound.
    pub unbounded: Scalar,
    /// The bounds in the order in which they were applied.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bounds: Vec<Bound>,
    /// The nearest changes of an input that would change the decision.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub flips: Vec<Flip>,
    /// Anything else that a reader should know, a sentence each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<Cow<'static, str>>,
    /// The unit of the value, `unbounded` and the bounds.
    pub unit: Unit,
}

impl Trace {
    /// A trace of `rule`, whose value is in `unit`, with nothing filled in yet.
    #[must_use]
    #[inline(never)]
    pub fn new(rule: &'static str, formula: &'static str, unit: Unit) -> Self {
        Self {
            rule: Cow::Borrowed(rule),
            formula: Cow::Borrowed(formula),
            // Most rules have about as many.
            inputs: Vec::with_capacity(8),
            unbounded: Scalar::Unknown,
            bounds: Vec::new(),
            flips: Vec::new(),
            notes: Vec::new(),
            unit,
        }
    }

    /// Adds an input.
    #[must_use]
    #[inline]
    pub fn input(
        mut self,
        name: &'static str,
        value: impl Into<Scalar>,
        unit: Unit,
        from: impl Into<Cow<'static, str>>,
    ) -> Self {
        self.push_input("", name, value.into(), unit, from.into());
        self
    }

    /// Adds an input that programs read back by `id`.
    #[must_use]
    #[inline]
    pub fn fact(
        mut self,
        id: &'static str,
        name: &'static str,
        value: impl Into<Scalar>,
        unit: Unit,
        from: impl Into<Cow<'static, str>>,
    ) -> Self {
        self.push_input(id, name, value.into(), unit, from.into());
        self
    }

    /// The value of the input with this id.
    #[must_use]
    pub fn value_of(&self, id: &str) -> Option<&Scalar> {
        self.inputs.iter().find(|input| input.id == id).map(|input| &input.value)
    }

    // What every rule does many times is one function each, and not a copy in every rule: the module is a third smaller for it.
    #[inline(never)]
    fn push_input(&mut self, id: &'static str, name: &'static str, value: Scalar, unit: Unit, from: Cow<'static, str>) {
        self.inputs.push(Input { id: Cow::Borrowed(id), name: Cow::Borrowed(name), value, unit, from });
    }

    #[inline(never)]
    fn push_bound(&mut self, name: Cow<'static, str>, limit: u64, before: u64, after: u64) {
        self.bounds.push(Bound { name, limit: limit.into(), before: before.into(), after: after.into() });
    }

    #[inline(never)]
    fn push_note(&mut self, note: Cow<'static, str>) {
        self.notes.push(note);
    }

    /// Adds a sentence.
    #[must_use]
    pub fn note(mut self, note: impl Into<Cow<'static, str>>) -> Self {
        self.push_note(note.into());
        self
    }

    /// Adds changes of an input that would change the decision.
    #[must_use]
    pub fn flips(mut self, flips: impl IntoIterator<Item = Flip>) -> Self {
        self.flips.extend(flips);
        self
    }

    /// Says what the value was before any bound.
    #[must_use]
    pub fn unbounded(mut self, value: impl Into<Scalar>) -> Self {
        self.unbounded = value.into();
        self
    }

    /// Raises `value` to at least `limit` and records that.
    pub fn at_least(&mut self, name: impl Into<Cow<'static, str>>, limit: u64, value: u64) -> u64 {
        self.bound(name, limit, value, value.max(limit))
    }

    /// Lowers `value` to at most `limit` and records that.
    pub fn at_most(&mut self, name: impl Into<Cow<'static, str>>, limit: u64, value: u64) -> u64 {
        self.bound(name, limit, value, value.min(limit))
    }

    /// Records that the bound `name` took `before` to `after`, and gives `after`.
    pub fn bound(&mut self, name: impl Into<Cow<'static, str>>, limit: u64, before: u64, after: u64) -> u64 {
        self.push_bound(name.into(), limit, before, after);
        after
    }

    /// The decision that this trace accounts for.
    #[must_use]
    pub fn decide<T>(self, value: T, grade: Grade) -> Decision<T> {
        Decision { value, grade, trace: self }
    }

    /// Why the value is what it is, in a sentence: what bounded it, else the first part of the formula.
    #[must_use]
    pub fn why(&self) -> String {
        let mut changed = self.bounds.iter().filter(|bound| bound.changed()).peekable();
        let Some(first) = changed.peek() else {
            let first = self.formula.split_once("; ").map_or(&*self.formula, |(first, _)| first);
            return first.to_string();
        };
        let mut text = ["computed ", &first.before.render(self.unit)].concat();
        for bound in changed {
            let _ = write!(text, "; {} to {} by {}", bound.verb(), bound.after.render(self.unit), bound.short_name());
        }
        text
    }

    /// The trace in prose, a line a fact, each starting with `indent`.
    #[must_use]
    pub fn render(&self, indent: &str) -> String {
        let mut text = String::new();
        // Writing to a String can't fail.
        let _ = writeln!(text, "{indent}rule {}: {}", self.rule, self.formula);
        for input in &self.inputs {
            let _ = write!(text, "{indent}  {} = {}", input.name, input.value.render(input.unit));
            let _ = if input.from.is_empty() { writeln!(text) } else { writeln!(text, "  ({})", input.from) };
        }
        if self.unbounded != Scalar::Unknown {
            let _ = writeln!(text, "{indent}  computed {}", self.unbounded.render(self.unit));
        }
        for bound in self.bounds.iter().filter(|bound| bound.changed()) {
            let limit = bound.limit.render(self.unit);
            let after = bound.after.render(self.unit);
            let _ = write!(text, "{indent}  {} to {after} by {}", bound.verb(), bound.name);
            let _ = if limit == after { writeln!(text) } else { writeln!(text, " = {limit}") };
        }
        for note in &self.notes {
            let _ = writeln!(text, "{indent}  {note}");
        }
        for flip in &self.flips {
            let _ = writeln!(text, "{indent}  it would be {}", flip.render(self.unit));
        }
        text
    }
}

/// A value with the account of why it is that.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Decision<T> {
    /// What was decided.
    pub value: T,
    /// How well founded it is.
    pub grade: Grade,
    /// Why.
    pub trace: Trace,
}
