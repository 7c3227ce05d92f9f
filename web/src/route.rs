//! Where the user is: the view and what is chosen in it, as the address holds them.
//!
//! `#/explore?environment=production&input=100GB` is the view `explore` with two choices. A link that was shared also holds the policy
//! (`policy=…`, packed) and the format's version (`v=…`).

/// The version of links that this page writes. A link of a later version is refused with a message.
pub const LINK_VERSION: u32 = 1;

/// A view of the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum View {
    /// The policy as text and as forms.
    #[default]
    Policy,
    /// The environments side by side.
    Environments,
    /// What would be decided, and why.
    Explore,
    /// The controller on a load.
    Timeline,
    /// Recorded runs.
    Runs,
}

impl View {
    /// Every view, in the order of the navigation.
    pub const ALL: [Self; 5] = [Self::Policy, Self::Environments, Self::Explore, Self::Timeline, Self::Runs];

    /// Its word in an address.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Policy => "policy",
            Self::Environments => "environments",
            Self::Explore => "explore",
            Self::Timeline => "timeline",
            Self::Runs => "runs",
        }
    }

    /// Its name in the navigation.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Policy => "Policy",
            Self::Environments => "Environments",
            Self::Explore => "Explore",
            Self::Timeline => "Timeline",
            Self::Runs => "Runs",
        }
    }
}

/// An address within the page.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Route {
    /// The view.
    pub view: View,
    /// What follows its name in the path, as the run in `#/runs/app-1`; empty where nothing does.
    pub rest: String,
    /// Choices, in their order.
    pub query: Vec<(String, String)>,
}

impl Route {
    /// Reads the fragment of an address; a view that there is not is the first.
    #[must_use]
    pub fn parse(fragment: &str) -> Self {
        let fragment = fragment.trim_start_matches('#').trim_start_matches('/');
        let (path, query) = fragment.split_once('?').unwrap_or((fragment, ""));
        let (word, rest) = path.split_once('/').unwrap_or((path, ""));
        let view = View::ALL.into_iter().find(|view| view.word() == word).unwrap_or_default();
        let query = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        Self { view, rest: rest.to_owned(), query }
    }

    /// A choice.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The fragment, `#` included.
    #[must_use]
    pub fn fragment(&self) -> String {
        let rest = if self.rest.is_empty() { String::new() } else { format!("/{}", self.rest) };
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(&self.query);
        let query = query.finish();
        let mark = if query.is_empty() { "" } else { "?" };
        format!("#/{}{rest}{mark}{query}", self.view.word())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_survives_being_written_and_read() {
        let route = Route {
            view: View::Explore,
            rest: String::new(),
            query: vec![("environment".into(), "a b&c=d/é".into()), ("input".into(), "100GB".into())],
        };
        assert_eq!(Route::parse(&route.fragment()), route);
        assert_eq!(Route::parse("#/runs/app-1?watch=1").rest, "app-1");
    }

    #[test]
    fn what_is_no_address_is_the_first_view() {
        for fragment in ["", "#", "#/", "#/nowhere", "#?", "#/\u{0}%ZZ?%%%=&&&"] {
            assert_eq!(Route::parse(fragment).view, View::Policy, "{fragment}");
        }
    }
}
