//! The modules of a crate: what each imports and names.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Attribute, Expr, ExprLit, Item, ItemMod, ItemUse, Lit, Macro, Meta, UseTree, Visibility};

/// The names from a crate's root to a module.
pub(super) type ModulePath = Vec<String>;

/// The modules of a crate that have a file of their own, its root among them.
#[derive(Debug, Default)]
pub(super) struct Crate {
    modules: BTreeMap<ModulePath, Module>,
}

/// What a module's file says of others.
#[derive(Debug, Default)]
pub(super) struct Module {
    /// What it imports.
    pub(super) imports: Vec<Import>,
    /// The paths that it names things by.
    pub(super) mentions: Vec<Name>,
}

/// One name that is imported.
#[derive(Debug)]
pub(super) struct Import {
    /// What is imported; for `*` the module.
    pub(super) from: Name,
    /// What it is called here.
    pub(super) name: String,
    /// Whether it is all of a module.
    pub(super) glob: bool,
    /// Whether others may name it here.
    pub(super) handed_on: bool,
}

/// A path as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Name {
    /// Whether it starts at the crate's root; otherwise at whatever its first part means where it stands.
    pub(super) from_root: bool,
    /// Its parts.
    pub(super) parts: Vec<String>,
}

/// A module that is declared to have a file of its own.
struct Child {
    name: String,
    /// The file that `#[path]` names.
    file: Option<String>,
}

impl Crate {
    /// Reads a crate from its root file on.
    pub(super) fn read(root: &Path) -> Result<Self> {
        let mut read = Self::default();
        let folder = root.parent().unwrap_or(root);
        read.add(Vec::new(), root, folder)?;
        Ok(read)
    }

    /// Its modules.
    pub(super) fn modules(&self) -> impl Iterator<Item = (&ModulePath, &Module)> {
        self.modules.iter()
    }

    /// How many they are.
    pub(super) fn len(&self) -> usize {
        self.modules.len()
    }

    /// A module by its path.
    pub(super) fn get(&self, path: &[String]) -> Option<&Module> {
        self.modules.get(path)
    }

    /// Reads a module, and those declared in it, whose files lie in `folder`.
    fn add(&mut self, path: ModulePath, file: &Path, folder: &Path) -> Result<()> {
        let text = fs::read_to_string(file).with_context(|| format!("cannot read `{}`", file.display()))?;
        let children = self.put(path.clone(), &text).with_context(|| format!("`{}`", file.display()))?;
        for Child { name, file: named } in children {
            let below = [path.as_slice(), std::slice::from_ref(&name)].concat();
            let (plain, in_folder) = (folder.join(format!("{name}.rs")), folder.join(&name).join("mod.rs"));
            match named {
                Some(named) => {
                    let file = file.parent().unwrap_or(file).join(named);
                    self.add(below, &file, file.parent().unwrap_or(&file))?;
                }
                None if plain.exists() => self.add(below, &plain, &folder.join(&name))?,
                None => self.add(below, &in_folder, &folder.join(&name))?,
            }
        }
        Ok(())
    }

    /// Reads a module's text; the modules that it declares.
    fn put(&mut self, path: ModulePath, text: &str) -> Result<Vec<Child>> {
        let file = syn::parse_file(text)?;
        let mut reader = Reader { path: path.clone(), module: Module::default(), children: Vec::new() };
        reader.visit_file(&file);
        self.modules.insert(path, reader.module);
        Ok(reader.children)
    }
}

#[cfg(test)]
impl Crate {
    /// A crate of these modules, each a path and a text.
    pub(super) fn of(modules: &[(&str, &str)]) -> Result<Self> {
        let mut read = Self::default();
        for (path, text) in modules {
            let path = path.split("::").filter(|part| !part.is_empty()).map(str::to_owned).collect();
            read.put(path, text)?;
        }
        Ok(read)
    }
}

/// Goes over a file.
struct Reader {
    /// The module that is gone over, inline ones included.
    path: ModulePath,
    module: Module,
    children: Vec<Child>,
}

impl Reader {
    fn name(&self, parts: Vec<String>) -> Name {
        let up = parts.iter().take_while(|part| *part == "super").count();
        let (base, from) = match parts.first().map(String::as_str) {
            Some("crate") => (&[][..], 1),
            Some("self") => (self.path.as_slice(), 1),
            Some("super") => (self.path.get(..self.path.len().saturating_sub(up)).unwrap_or_default(), up),
            _ => return Name { from_root: false, parts },
        };
        Name { from_root: true, parts: base.iter().chain(parts.iter().skip(from)).cloned().collect() }
    }

    fn mention(&mut self, parts: Vec<String>) {
        // A name alone was imported, or is this module's own.
        if parts.len() > 1 {
            let name = self.name(parts);
            self.module.mentions.push(name);
        }
    }

    /// The names that one `use` brings.
    fn import(&mut self, tree: &UseTree, before: &[String], handed_on: bool) {
        let with = |part: String| [before, &[part]].concat();
        let (parts, name, glob) = match tree {
            UseTree::Path(path) => return self.import(&path.tree, &with(path.ident.to_string()), handed_on),
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.import(tree, before, handed_on);
                }
                return;
            }
            UseTree::Glob(_) => (before.to_vec(), "*".to_owned(), true),
            UseTree::Name(one) if one.ident == "self" => {
                (before.to_vec(), before.last().cloned().unwrap_or_default(), false)
            }
            UseTree::Name(one) => (with(one.ident.to_string()), one.ident.to_string(), false),
            UseTree::Rename(one) if one.ident == "self" => (before.to_vec(), one.rename.to_string(), false),
            UseTree::Rename(one) => (with(one.ident.to_string()), one.rename.to_string(), false),
        };
        let from = self.name(parts);
        self.module.imports.push(Import { from, name, glob, handed_on });
    }

    /// The paths in what a macro is given, which has no other form than tokens.
    fn tokens(&mut self, tokens: TokenStream) {
        let (mut parts, mut colons) = (Vec::new(), 0);
        for token in tokens {
            match token {
                TokenTree::Ident(ident) => {
                    if colons != 2 {
                        self.mention(std::mem::take(&mut parts));
                    }
                    parts.push(ident.to_string());
                    colons = 0;
                }
                TokenTree::Punct(punct) if punct.as_char() == ':' => colons += 1,
                other => {
                    self.mention(std::mem::take(&mut parts));
                    colons = 0;
                    if let TokenTree::Group(group) = other {
                        self.tokens(group.stream());
                    }
                }
            }
        }
        self.mention(parts);
    }
}

impl<'ast> Visit<'ast> for Reader {
    fn visit_item(&mut self, item: &'ast Item) {
        if !attributes(item).iter().any(is_for_tests) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        let name = item.ident.to_string();
        match &item.content {
            Some((_, items)) => {
                self.path.push(name);
                items.iter().for_each(|item| self.visit_item(item));
                self.path.pop();
            }
            None => self.children.push(Child { name, file: item.attrs.iter().find_map(named_file) }),
        }
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        if item.leading_colon.is_none() {
            self.import(&item.tree, &[], !matches!(item.vis, Visibility::Inherited));
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        if path.leading_colon.is_none() {
            self.mention(path.segments.iter().map(|segment| segment.ident.to_string()).collect());
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, called: &'ast Macro) {
        self.tokens(called.tokens.clone());
        visit::visit_macro(self, called);
    }
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

/// Whether it is `#[cfg(test)]`.
fn is_for_tests(attribute: &Attribute) -> bool {
    let Meta::List(list) = &attribute.meta else { return false };
    list.path.is_ident("cfg") && list.tokens.to_string() == "test"
}

/// The file of `#[path = "..."]`.
fn named_file(attribute: &Attribute) -> Option<String> {
    let Meta::NameValue(pair) = &attribute.meta else { return None };
    match &pair.value {
        Expr::Lit(ExprLit { lit: Lit::Str(file), .. }) if pair.path.is_ident("path") => Some(file.value()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn files_are_found_where_the_compiler_finds_them() {
        let place = tempfile::tempdir().unwrap();
        let put = |file: &str, text: &str| {
            let file = place.path().join(file);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        };
        put(
            "src/lib.rs",
            "mod a; mod b; #[path = \"../other/c.rs\"] mod c; #[cfg(test)] mod tests; mod inline { fn f() {} }",
        );
        put("src/a.rs", "mod below;");
        put("src/a/below.rs", "");
        put("src/b/mod.rs", "mod below;");
        put("src/b/below.rs", "");
        put("other/c.rs", "mod beside;");
        put("other/beside.rs", "");
        let read = Crate::read(&place.path().join("src/lib.rs")).unwrap();
        let found: Vec<String> = read.modules().map(|(path, _)| path.join("::")).collect();
        assert_eq!(found, ["", "a", "a::below", "b", "b::below", "c", "c::beside"]);

        fs::remove_file(place.path().join("src/a/below.rs")).unwrap();
        let error = format!("{:#}", Crate::read(&place.path().join("src/lib.rs")).unwrap_err());
        assert!(error.contains("below"), "{error}");
    }
}
