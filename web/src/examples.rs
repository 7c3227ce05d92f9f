//! Policies to start from.

/// A policy to start from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Example {
    /// The name that its file would have.
    pub file: &'static str,
    /// What it is.
    pub title: &'static str,
    /// Its text.
    pub text: &'static str,
}

/// The policies, from the smallest.
pub const EXAMPLES: &[Example] = &[
    Example {
        file: "small.yaml",
        title: "The least that a policy needs",
        text: include_str!("../examples/small.yaml"),
    },
    Example { file: "budget.yaml", title: "Prices, a budget and rules", text: include_str!("../examples/budget.yaml") },
    Example {
        file: "reference.yaml",
        title: "In the layout of the Python original",
        text: include_str!("../examples/reference.yaml"),
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::Document;

    #[test]
    fn every_example_is_without_a_fault() {
        for example in EXAMPLES {
            let document = Document::read(example.file, example.text);
            assert_eq!(document.counts(), (0, 0), "{}: {:?}", example.file, document.diagnostics);
        }
    }
}
