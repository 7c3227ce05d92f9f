//! Which module depends on which, and the circles among them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use petgraph::algo::{astar, tarjan_scc};
use petgraph::prelude::DiGraphMap;

use super::source::{Crate, ModulePath, Name};

/// More names than these are not told of one dependency.
const MOST_NAMES: usize = 4;
/// Names that hand on names more often than this are not followed: they lead round.
const MOST_STEPS: usize = 32;

/// Each dependency, with the names that make it one.
type Uses = BTreeMap<(String, String), BTreeSet<String>>;

/// Modules that depend on each other in a circle.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Circle {
    /// How many modules reach each other.
    modules: usize,
    /// The shortest way round, the first module at its end once more.
    way: Vec<String>,
    /// For each step of the way the names that are used.
    names: Vec<BTreeSet<String>>,
}

impl fmt::Display for Circle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.way.join(" -> "))?;
        if self.modules + 1 > self.way.len() {
            write!(f, " (the shortest way round; {} modules reach each other)", self.modules)?;
        }
        for (step, names) in self.way.windows(2).zip(&self.names) {
            let told = names.iter().take(MOST_NAMES).cloned().collect::<Vec<_>>().join(", ");
            let more = if names.len() > MOST_NAMES { ", ..." } else { "" };
            write!(f, "\n  {} names {told}{more}", step.join(" -> "))?;
        }
        Ok(())
    }
}

/// The circles of a crate: among its files, and where there are none, among the modules of one folder.
pub(super) fn circles_of(read: &Crate) -> Vec<Circle> {
    let dependencies = dependencies(read);
    let shown = dependencies.iter().map(|((from, to), names)| ((shown(from), shown(to)), names.clone()));
    let among_files = circles(&shown.collect());
    if !among_files.is_empty() {
        return among_files;
    }
    let folders: BTreeSet<&[String]> =
        read.modules().filter_map(|(path, _)| path.split_last()).map(|(_, folder)| folder).collect();
    folders.into_iter().flat_map(|folder| circles(&beside_each_other(&dependencies, folder))).collect()
}

fn shown(path: &ModulePath) -> String {
    if path.is_empty() { "crate".to_owned() } else { path.join("::") }
}

/// The dependencies among a folder's modules, each with everything below it.
fn beside_each_other(dependencies: &BTreeMap<(ModulePath, ModulePath), BTreeSet<String>>, folder: &[String]) -> Uses {
    let mut uses = Uses::new();
    for ((from, to), names) in dependencies {
        let within = |path: &ModulePath| {
            path.strip_prefix(folder)?.first().map(|name| [folder, std::slice::from_ref(name)].concat())
        };
        let (Some(left), Some(right)) = (within(from), within(to)) else { continue };
        if left != right {
            let names = names.iter().map(|name| format!("{}::{name}", to.join("::")));
            uses.entry((shown(&left), shown(&right))).or_default().extend(names);
        }
    }
    uses
}

/// Which file depends on which.
fn dependencies(read: &Crate) -> BTreeMap<(ModulePath, ModulePath), BTreeSet<String>> {
    let mut found: BTreeMap<(ModulePath, ModulePath), BTreeSet<String>> = BTreeMap::new();
    for (path, module) in read.modules() {
        let mut depend = |to: ModulePath, name: &str| {
            if to != *path {
                found.entry((path.clone(), to)).or_default().insert(name.to_owned());
            }
        };
        for import in &module.imports {
            let Some((to, rest)) = resolve(read, path, &import.from, MOST_STEPS) else { continue };
            let hands_on_its_own = import.handed_on && to.starts_with(path);
            match rest.first() {
                _ if hands_on_its_own => {}
                Some(name) => depend(to, name),
                None if import.glob => depend(to, "*"),
                // A module's name alone: what is used of it is named by paths.
                None => {}
            }
        }
        for mention in &module.mentions {
            if let Some((to, rest)) = resolve(read, path, mention, MOST_STEPS)
                && let Some(name) = rest.first()
            {
                depend(to, name);
            }
        }
    }
    found
}

/// The module in whose file the name is defined, and the name within it; nothing for another crate's.
fn resolve(read: &Crate, at: &[String], name: &Name, steps: usize) -> Option<(ModulePath, Vec<String>)> {
    let steps = steps.checked_sub(1)?;
    let (mut place, mut rest) = if name.from_root {
        (Vec::new(), name.parts.clone())
    } else {
        let (first, _) = name.parts.split_first()?;
        let is_known = read.get(&[at, std::slice::from_ref(first)].concat()).is_some()
            || read.get(at)?.imports.iter().any(|it| it.name == *first && it.from != *name);
        if !is_known {
            return None;
        }
        (at.to_vec(), name.parts.clone())
    };
    while let Some((next, behind)) = rest.split_first() {
        let below = [place.as_slice(), std::slice::from_ref(next)].concat();
        if read.get(&below).is_some() {
            (place, rest) = (below, behind.to_vec());
            continue;
        }
        let Some(import) = read.get(&place)?.imports.iter().find(|it| it.name == *next && it.from != *name) else {
            break;
        };
        let (to, found) = resolve(read, &place, &import.from, steps)?;
        let handed_on_module = found.is_empty();
        let behind = behind.to_vec();
        (place, rest) = (to, [found, behind].concat());
        if !handed_on_module {
            break;
        }
    }
    Some((place, rest))
}

/// The circles among these dependencies, each by its shortest way round.
fn circles(uses: &Uses) -> Vec<Circle> {
    let graph: DiGraphMap<&str, ()> = uses.keys().map(|(from, to)| (from.as_str(), to.as_str())).collect();
    let mut found: Vec<Circle> = tarjan_scc(&graph)
        .into_iter()
        .filter(|component| component.len() > 1)
        .filter_map(|component| {
            let ways = component.iter().filter_map(|start| shortest_round(&graph, start));
            let way = ways.min_by(|a, b| (a.len(), a).cmp(&(b.len(), b)))?;
            let way: Vec<String> = way.into_iter().map(str::to_owned).collect();
            let steps = way.iter().zip(way.iter().skip(1));
            let names = steps.filter_map(|(from, to)| uses.get(&(from.clone(), to.clone())).cloned()).collect();
            Some(Circle { modules: component.len(), way, names })
        })
        .collect();
    found.sort_by(|a, b| a.way.cmp(&b.way));
    found
}

/// The shortest way from a module back to it.
fn shortest_round<'a>(graph: &DiGraphMap<&'a str, ()>, start: &'a str) -> Option<Vec<&'a str>> {
    let back = |next| astar(graph, next, |node| node == start, |_| 1, |_| 0).map(|(_, way)| way);
    let ways = graph.neighbors(start).filter_map(back).map(|way| [vec![start], way].concat());
    ways.min_by(|a, b| (a.len(), a).cmp(&(b.len(), b)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// The circles of a crate of these modules, in words.
    fn told(modules: &[(&str, &str)]) -> Vec<String> {
        circles_of(&Crate::of(modules).unwrap()).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn files_that_name_each_other_are_a_circle() {
        let read = ("read", "use crate::rules::Rule; pub fn read() {}");
        let rules = ("rules", "use crate::policy; pub struct Rule; fn f() { policy::go() }");
        let policy = ("policy", "pub fn go() { crate::read::read() }");
        assert_eq!(
            told(&[("", "mod policy; mod read; mod rules;"), read, rules, policy]),
            [
                "policy -> read -> rules -> policy\n  policy -> read names read\n  read -> rules names Rule\n  rules -> policy names go"
            ]
        );
        assert_eq!(told(&[("", ""), ("read", "pub fn read() {}"), rules, policy]), [""; 0]);
    }

    #[test]
    fn the_shortest_way_round_is_told_of_many() {
        let two = "use crate::b::B; use crate::c::C; pub struct A;";
        let circles = told(&[
            ("", ""),
            ("a", two),
            ("b", "use crate::d::D; pub struct B;"),
            ("c", "use crate::a::A; pub struct C;"),
            ("d", "use crate::a::A; pub struct D;"),
        ]);
        assert_eq!(circles.len(), 1);
        assert!(
            circles[0].starts_with("a -> c -> a (the shortest way round; 4 modules reach each other)"),
            "{circles:?}"
        );
    }

    #[test]
    fn a_child_may_name_what_its_parent_defines_or_its_parent_what_it_defines_but_not_both() {
        let child = ("a::child", "use super::Parent; pub struct Child;");
        assert_eq!(told(&[("", ""), ("a", "mod child; pub struct Parent;"), child]), [""; 0]);
        assert_eq!(told(&[("", ""), ("a", "mod child; pub use child::Child; pub struct Parent;"), child]), [""; 0]);
        for both in ["use child::Child;", "type T = child::Child;", "fn f() { g!(1, [child::Child]) }"] {
            let parent = format!("mod child; pub struct Parent; {both}");
            assert_eq!(told(&[("", ""), ("a", &parent), child]).len(), 1, "{both}");
        }
        let test = "mod child; pub struct Parent; #[cfg(test)] mod tests { use super::child::Child; }";
        assert_eq!(told(&[("", ""), ("a", test), child]), [""; 0]);
    }

    #[test]
    fn names_are_followed_to_where_they_are_defined() {
        // `b` names `A` by way of the root, and `a` names `B` by way of another module's name for it.
        let root = ("", "pub use a::A; mod a; mod b; mod c;");
        let (a, c) =
            ("use crate::c as other; pub struct A; type T = other::Renamed;", "pub use crate::b::B as Renamed;");
        assert_eq!(told(&[root, ("a", a), ("b", "use crate::A; pub struct B;"), ("c", c)]).len(), 1);
        // By way of the root is no dependency on the root, nor on those beside it.
        assert_eq!(told(&[root, ("a", "pub struct A;"), ("b", "use crate::A; pub struct B;"), ("c", c)]), [""; 0]);
    }

    #[test]
    fn other_crates_and_own_names_are_no_dependencies() {
        let a = "use std::fmt; use serde::b::B; pub enum E { X } fn f() { E::X; Self::g(); fmt::x(); ::b::c() }";
        assert_eq!(told(&[("", ""), ("a", a), ("b", "use crate::a::E; pub struct B;")]), [""; 0]);
    }

    #[test]
    fn names_that_lead_round_are_survived() {
        let circle = [("", ""), ("a", "pub use crate::b::X;"), ("b", "pub use crate::a::X; use super::a::X as Y;")];
        assert_eq!(told(&circle), [""; 0]);
    }

    #[test]
    fn modules_of_a_folder_are_taken_with_all_that_is_below_them() {
        let modules = [
            ("", "mod cache; mod query;"),
            ("cache", "mod level; mod result;"),
            ("cache::level", "pub struct Level;"),
            ("cache::result", "use crate::query::cost::read_ms;"),
            ("query", "mod cost;"),
            ("query::cost", "use crate::cache::level::Level; pub fn read_ms() {}"),
        ];
        let circles = told(&modules);
        assert_eq!(circles.len(), 1);
        assert!(circles[0].starts_with("cache -> query -> cache\n"), "{circles:?}");
        assert!(circles[0].contains("cache -> query names query::cost::read_ms"), "{circles:?}");
    }
}
