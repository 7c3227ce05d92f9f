//! Policy files: a text in, a value and a list of problems out.

use std::collections::BTreeMap;

use serde_json::Value as Json;
use sparkwright_core::policy::{Layer, ResolvedPolicy};

use crate::block::{Block, Setting, duplicate, join, key_text, mapping, read_block, step};
use crate::diagnostics::{Code, Diagnostic, any_of, quoted};
use crate::digest::digest;
use crate::misplaced::{Place, misplaced};
use crate::nearest::nearest;
use crate::never_applied::NeverApplied;
use crate::overrides::{Override, too_large};
use crate::policy_tests::{PolicyTest, read_tests};
use crate::resolve::{Stratum, combine, crossings, resolve};
use crate::rules::{PlacedRule, read_rules};
use crate::source::{Mark, Source};
use crate::tidy::tidy;
use crate::tree::{Entry, Node, parse_tree};

/// The keys at the top of a file that are the policy's.
const TOP: [&str; 6] =
    ["environments", "global_optimization", "default_environment", "policy_module", "rules", "tests"];
/// The key of an environment that is the policy's.
const OPTIMIZATION: &str = "optimization";
/// The most environments that a message names.
const MOST_NAMED: usize = 20;

/// A place in a policy file; lines and columns count from 1, columns in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Location {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

/// A value that a layer of a file writes itself.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Written<'a> {
    /// The path from the top of the file as written, shorthands included: `environments.production.optimization.max_executors`.
    pub path: &'a str,
    /// The value, as the resolved policy has it.
    pub value: &'a Json,
}

/// An environment of a file.
#[derive(Debug, Clone, PartialEq)]
struct Environment {
    name: String,
    block: Block,
}

/// The environment that holds where none is asked for.
#[derive(Debug, Clone, PartialEq)]
struct DefaultEnvironment {
    name: String,
    mark: Mark,
}

/// A policy file as it was read: usable as far as it is right.
#[derive(Debug, Clone, PartialEq)]
pub struct PolicyFile {
    source: Source,
    raw_digest: String,
    global: Block,
    environments: Vec<Environment>,
    /// The place of each in the list, by its name.
    by_name: BTreeMap<String, usize>,
    environments_key: Option<Mark>,
    default_environment: Option<DefaultEnvironment>,
    module_sha256: Option<String>,
    rules: Vec<PlacedRule>,
    tests: Vec<PolicyTest>,
    /// What is wrong with the file as a whole, whatever the environment.
    problems: Vec<Diagnostic>,
}

/// Reads a policy file. It never fails: what can be read is in the value, what is wrong is in the list, in the order of the
/// file. `name` is what messages call the file.
#[must_use]
pub fn parse(name: &str, text: &str) -> (PolicyFile, Vec<Diagnostic>) {
    let refused = too_large(name, text);
    let source = Source::new(name, if refused.is_some() { "" } else { text });
    let mut file = PolicyFile {
        source,
        raw_digest: digest(text.as_bytes()),
        global: Block::default(),
        environments: Vec::new(),
        by_name: BTreeMap::new(),
        environments_key: None,
        default_environment: None,
        module_sha256: None,
        rules: Vec::new(),
        tests: Vec::new(),
        problems: Vec::new(),
    };
    if let Some(refused) = refused {
        file.problems.push(refused);
    } else {
        let tree = parse_tree(&file.source);
        let is_whole = tree.problem.is_none();
        file.problems.extend(tree.problem);
        if let Some(root) = &tree.root {
            file.read(root, is_whole);
        }
    }
    let diagnostics = file.diagnostics();
    (file, diagnostics)
}

impl PolicyFile {
    /// The names of the environments, in the order of the file.
    pub fn environments(&self) -> impl Iterator<Item = &str> {
        self.environments.iter().map(|environment| environment.name.as_str())
    }

    /// The environment that holds where none is asked for, as `default_environment` names it.
    #[must_use]
    pub fn default_environment(&self) -> Option<&str> {
        self.default_environment.as_ref().map(|default| default.name.as_str())
    }

    /// The SHA-256 that the policy module must have, in lower-case hexadecimal digits, where the file pins one.
    #[must_use]
    pub fn module_sha256(&self) -> Option<&str> {
        self.module_sha256.as_deref()
    }

    /// The file's own tests, in its order.
    #[must_use]
    pub fn tests(&self) -> &[PolicyTest] {
        &self.tests
    }

    /// The SHA-256 of the file's bytes.
    #[must_use]
    pub fn raw_digest(&self) -> &str {
        &self.raw_digest
    }

    /// What the file was called when it was read.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.source.name
    }

    /// The layer and place where the value of a key (`autoscaling.max_executors`) comes from in an environment; `None` for
    /// a built-in value. `environment` as in [`PolicyFile::resolve`].
    #[must_use]
    pub fn location(&self, environment: Option<&str>, path: &str) -> Option<(Layer, Location)> {
        let name = environment.or_else(|| self.default_environment());
        let (layer, setting) = self.setting(name.unwrap_or_default(), path)?;
        Some((layer, Location { line: setting.mark.line, column: setting.mark.column }))
    }

    /// What a layer itself writes for a key (`autoscaling.max_executors`): an environment, or `global_optimization` where none is named.
    /// Nothing where the layers below it decide, and where the value can't be read.
    #[must_use]
    pub fn written(&self, environment: Option<&str>, key_path: &str) -> Option<Written<'_>> {
        let block = match environment {
            Some(name) => &self.environment(name)?.block,
            None => &self.global,
        };
        let setting = block.settings.get(key_path)?;
        Some(Written { path: &setting.path, value: &setting.value })
    }

    /// The setting of a key that holds in an environment, with its layer; `None` for a built-in value.
    pub(crate) fn setting(&self, environment: &str, path: &str) -> Option<(Layer, &Setting)> {
        let own = self.environment(environment).map(|found| (Layer::Environment, &found.block));
        let mut layers = own.into_iter().chain([(Layer::Global, &self.global)]);
        layers.find_map(|(layer, block)| Some((layer, block.settings.get(path)?)))
    }

    /// Every block of the file.
    pub(crate) fn blocks(&self) -> impl Iterator<Item = &Block> {
        std::iter::once(&self.global).chain(self.environments.iter().map(|environment| &environment.block))
    }

    /// The text that the file was read from.
    pub(crate) const fn source(&self) -> &Source {
        &self.source
    }

    /// The policy of one environment under some overrides, the last of which is the highest.
    ///
    /// Without an environment it is that of `default_environment`; where the file names none, the built-in defaults and
    /// `global_optimization` alone.
    ///
    /// # Errors
    /// The errors of the file as a whole and of the layers that are used, an environment that the file doesn't have, and
    /// bounds that cross once all layers are in place. An error in another environment is no hindrance.
    pub fn resolve(
        &self,
        environment: Option<&str>,
        overrides: &[Override],
    ) -> Result<ResolvedPolicy, Vec<Diagnostic>> {
        let mut problems: Vec<Diagnostic> = self.problems.iter().filter(|it| it.is_error()).cloned().collect();
        let name = environment.or_else(|| self.default_environment());
        let own = name.and_then(|name| self.environment(name));
        if let (Some(name), None) = (name, own) {
            problems.push(match (environment, &self.default_environment) {
                (None, Some(default)) => self.unknown_default(default),
                _ => self.unknown_environment(name),
            });
        }
        let mut strata = self.strata(own);
        strata.extend(overrides.iter().map(|change| Stratum {
            layer: Layer::Override,
            source: &change.source,
            block: &change.block,
        }));
        let resolved = resolve(own.map_or("", |own| &own.name), &strata).map(|policy| {
            let rules = self.rules.iter().map(|placed| placed.rule.clone()).collect();
            ResolvedPolicy { rules, ..policy }
        });
        if problems.is_empty() {
            return resolved;
        }
        problems.extend(resolved.err().into_iter().flatten());
        Err(tidy(problems))
    }

    /// The environments in which nothing is wrong, with their policies but for the rules.
    pub(crate) fn sound(&self) -> impl Iterator<Item = (&str, ResolvedPolicy)> {
        let is_wrong = |problems: &[Diagnostic]| problems.iter().any(Diagnostic::is_error);
        let environments: &[Environment] =
            if is_wrong(&self.problems) || is_wrong(&self.global.problems) { &[] } else { &self.environments };
        environments.iter().filter(move |own| !is_wrong(&own.block.problems)).filter_map(|own| {
            let policy = combine(&own.name, &self.strata(Some(own))).ok()?;
            Some((own.name.as_str(), policy))
        })
    }

    fn environment(&self, name: &str) -> Option<&Environment> {
        self.environments.get(*self.by_name.get(name)?)
    }

    fn strata<'a>(&'a self, environment: Option<&'a Environment>) -> Vec<Stratum<'a>> {
        let global = (Layer::Global, &self.global);
        let own = environment.map(|own| (Layer::Environment, &own.block));
        std::iter::once(global)
            .chain(own)
            .map(|(layer, block)| Stratum { layer, source: &self.source, block })
            .collect()
    }

    /// Everything that is wrong, in the order of the file.
    fn diagnostics(&self) -> Vec<Diagnostic> {
        let mut all = self.problems.clone();
        all.extend_from_slice(&self.global.problems);
        let global_is_wrong = self.global.problems.iter().any(Diagnostic::is_error);
        let mut never = NeverApplied::default();
        for environment in &self.environments {
            all.extend_from_slice(&environment.block.problems);
            let strata = self.strata(Some(environment));
            if global_is_wrong || environment.block.problems.iter().any(Diagnostic::is_error) {
                all.extend(crossings(&strata));
                continue;
            }
            match combine(&environment.name, &strata) {
                Ok(policy) => never.look(&self.rules, &policy),
                Err(problems) => all.extend(problems),
            }
        }
        if self.environments.is_empty() {
            all.extend(combine("", &self.strata(None)).err().into_iter().flatten());
        }
        all.extend(never.problems(&self.rules, &self.source));
        let is_whole = !self.problems.iter().any(is_of_the_text);
        if let Some(default) = self.default_environment.as_ref().filter(|_| is_whole)
            && self.environment(&default.name).is_none()
        {
            all.push(self.unknown_default(default));
        }
        tidy(all)
    }

    fn read(&mut self, root: &Node, is_whole: bool) {
        let start = Mark { end: root.mark.start, ..root.mark };
        let source = self.source.clone();
        let entries = match mapping(&source, root, "", "the policy", start) {
            Ok(entries) => entries,
            Err(problem) => return self.problems.push(*problem),
        };
        let ours = self.pick(&source, entries, &TOP, "");
        for (name, Entry { key, value }) in &ours {
            match *name {
                "environments" => {
                    self.environments_key = Some(key.mark);
                    self.read_environments(&source, key, value, is_whole);
                }
                "global_optimization" => {
                    self.global = read_block(&source, value, name, key.mark);
                }
                "default_environment" => self.read_default(&source, key, value),
                "rules" => {
                    let (rules, problems) = read_rules(&source, key, value);
                    self.rules = rules;
                    self.problems.extend(problems);
                }
                "tests" => {
                    let (tests, problems) = read_tests(&source, key, value);
                    self.tests = tests;
                    self.problems.extend(problems);
                }
                _ => self.read_pin(&source, key, value),
            }
        }
        if !is_whole {
            return;
        }
        self.warn_of_similar(&source, entries, &TOP, "");
        if ours.is_empty() && !entries.is_empty() {
            let has_section = entries.iter().filter_map(|entry| entry.key.text());
            let section = crate::block::sections().find(|section| has_section.clone().any(|key| key == *section));
            let help = match section {
                Some(section) => {
                    format!("put `{section}` below `global_optimization`, or below `{OPTIMIZATION}` of an environment")
                }
                None => "write the policy below `global_optimization` or `environments`".to_owned(),
            };
            let message = "this file holds no policy; the built-in defaults apply";
            let problem = Diagnostic::warning(&source, &root.mark, Code::NothingHere, message);
            self.problems.push(problem.expected(any_of(TOP)).help(help));
        } else {
            self.problems.extend(misplaced(&source, entries, Place::Top, ""));
        }
    }

    /// The entries that have one of `names`, the first of each; another of the same name is an error.
    fn pick<'n>(
        &mut self,
        source: &Source,
        entries: &'n [Entry],
        names: &[&'static str],
        path: &str,
    ) -> Vec<(&'static str, &'n Entry)> {
        let mut ours: Vec<(&'static str, &Entry)> = Vec::new();
        for entry in entries {
            let Some(name) = names.iter().find(|name| entry.key.text() == Some(**name)) else {
                continue;
            };
            match ours.iter().find(|(known, _)| known == name) {
                None => ours.push((name, entry)),
                Some((_, first)) => {
                    let path = join(path, name);
                    let first = &first.key.mark;
                    self.problems.push(duplicate(source, &entry.key, name, &path, first));
                }
            }
        }
        ours
    }

    /// Keys of others are left alone; one that nearly is ours is worth a word, unless ours is there as well.
    fn warn_of_similar(&mut self, source: &Source, entries: &[Entry], names: &[&str], path: &str) {
        let is_there = |name: &str| entries.iter().any(|entry| entry.key.text() == Some(name));
        let missing: Vec<&str> = names.iter().copied().filter(|name| !is_there(name)).collect();
        for entry in entries {
            let Some(key) = entry.key.text() else {
                continue;
            };
            if let Some(meant) = nearest(key, missing.iter().copied())
                && !names.contains(&key)
            {
                let message = format!("{} is not a key of a policy and is ignored", quoted(key));
                self.problems.push(
                    Diagnostic::warning(source, &entry.key.mark, Code::SimilarKey, message)
                        .at(step(path, key))
                        .found(quoted(key))
                        .help(format!("did you mean `{meant}`?")),
                );
            }
        }
    }

    fn read_environments(&mut self, source: &Source, key: &Node, value: &Node, is_whole: bool) {
        const PATH: &str = "environments";
        let entries = match mapping(source, value, PATH, PATH, key.mark) {
            Ok(entries) => entries,
            Err(problem) => return self.problems.push(*problem),
        };
        let mut seen: BTreeMap<&str, Mark> = BTreeMap::new();
        for Entry { key, value } in entries {
            let name = match key_text(source, key, PATH) {
                Ok(name) => name,
                Err(problem) => {
                    self.problems.push(*problem);
                    continue;
                }
            };
            let path = step(PATH, name);
            if let Some(first) = seen.get(name) {
                let problem = duplicate(source, key, name, &path, first);
                self.problems.push(problem);
                continue;
            }
            seen.insert(name, key.mark);
            let block = self.read_environment(source, key, value, &path, is_whole);
            self.by_name.insert(name.to_owned(), self.environments.len());
            self.environments.push(Environment { name: name.to_owned(), block });
        }
    }

    fn read_environment(&mut self, source: &Source, key: &Node, value: &Node, path: &str, is_whole: bool) -> Block {
        let entries = match mapping(source, value, path, path, key.mark) {
            Ok(entries) => entries,
            Err(problem) => {
                return Block { problems: vec![*problem], ..Block::default() };
            }
        };
        let ours = self.pick(source, entries, &[OPTIMIZATION], path);
        if is_whole {
            self.warn_of_similar(source, entries, &[OPTIMIZATION], path);
            self.problems.extend(misplaced(source, entries, Place::Environment, path));
        }
        match ours.first() {
            Some((name, Entry { key, value })) => read_block(source, value, &join(path, name), key.mark),
            None => Block::default(),
        }
    }

    fn read_default(&mut self, source: &Source, key: &Node, value: &Node) {
        const PATH: &str = "default_environment";
        match value.text().filter(|_| !value.is_null()) {
            Some(name) => {
                self.default_environment = Some(DefaultEnvironment { name: name.to_owned(), mark: value.mark });
            }
            None => {
                let (code, mark) =
                    if value.is_null() { (Code::NullNotAllowed, &key.mark) } else { (Code::WrongType, &value.mark) };
                let message = format!("`{PATH}` takes the name of an environment");
                self.problems.push(
                    Diagnostic::error(source, mark, code, message)
                        .at(PATH)
                        .expected("the name of an environment")
                        .found(crate::value::description(value)),
                );
            }
        }
    }

    fn read_pin(&mut self, source: &Source, key: &Node, value: &Node) {
        const PATH: &str = "policy_module";
        let entries = match mapping(source, value, PATH, PATH, key.mark) {
            Ok(entries) => entries,
            Err(problem) => return self.problems.push(*problem),
        };
        for entry in entries {
            let name = entry.key.text().unwrap_or_default();
            if name != "sha256" {
                let message = format!("unknown key {} in `{PATH}`", quoted(name));
                let code = Code::UnknownKey;
                self.problems.push(
                    Diagnostic::error(source, &entry.key.mark, code, message)
                        .at(step(PATH, name))
                        .expected("`sha256`")
                        .found(quoted(name))
                        .help("it has only `sha256`"),
                );
            }
        }
        let path = join(PATH, "sha256");
        let pin = self.pick(source, entries, &["sha256"], PATH);
        let Some((_, Entry { key, value })) = pin.first() else {
            if !value.is_null() && entries.is_empty() {
                let message = format!("`{PATH}` has no `sha256`");
                let problem = Diagnostic::error(source, &key.mark, Code::BadDigest, message);
                self.problems.push(problem.at(path));
            }
            return;
        };
        let digits = value.text().unwrap_or_default();
        if digits.len() == 64 && digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            self.module_sha256 = Some(digits.to_ascii_lowercase());
            return;
        }
        let mark = if value.mark.is_empty() { &key.mark } else { &value.mark };
        let message = "a SHA-256 has 64 hexadecimal digits";
        self.problems.push(
            Diagnostic::error(source, mark, Code::BadDigest, message)
                .at(path)
                .expected("64 hexadecimal digits")
                .found(crate::value::description(value))
                .help("`sparkwright inspect` shows the SHA-256 of a policy module"),
        );
    }

    /// What is known, for messages about an environment that is not.
    fn known_environments(&self, name: &str) -> (String, String) {
        let more = self.environments.len().saturating_sub(MOST_NAMED);
        let mut known = any_of(self.environments().take(MOST_NAMED));
        if more > 0 {
            known.push_str(&format!(" or {more} more"));
        }
        let help = match nearest(name, self.environments()) {
            Some(meant) => format!("did you mean {}? known are {known}", quoted(meant)),
            None if known.is_empty() => "this file has no environments".to_owned(),
            None => format!("known are {known}"),
        };
        (known, help)
    }

    fn unknown_environment(&self, name: &str) -> Diagnostic {
        let (known, help) = self.known_environments(name);
        let message = format!("unknown environment {}", quoted(name));
        let code = Code::UnknownEnvironment;
        match &self.environments_key {
            Some(mark) => Diagnostic::error(&self.source, mark, code, message),
            None => Diagnostic::placeless(&self.source, code, message),
        }
        .at("environments")
        .expected(known)
        .found(quoted(name))
        .help(help)
    }

    fn unknown_default(&self, default: &DefaultEnvironment) -> Diagnostic {
        let (known, help) = self.known_environments(&default.name);
        let message = format!("`default_environment` is {}, but there is no such environment", quoted(&default.name));
        let code = Code::UnknownEnvironment;
        Diagnostic::error(&self.source, &default.mark, code, message)
            .at("default_environment")
            .expected(known)
            .found(quoted(&default.name))
            .help(help)
    }
}

/// Whether a problem kept the rest of the text from being read.
fn is_of_the_text(problem: &Diagnostic) -> bool {
    matches!(
        problem.code,
        Code::Syntax
            | Code::Tab
            | Code::TooLarge
            | Code::TooManyValues
            | Code::TooDeep
            | Code::AliasLoop
            | Code::UnknownAlias
            | Code::SecondDocument
    )
}
