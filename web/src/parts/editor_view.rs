//! The editor with the policy's text in it.

use serde_json::json;
use sparkwright_policy::{Diagnostic, Severity, schema};
use wasm_bindgen::prelude::Closure;
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

use crate::shell::{self, Editor};
use crate::state::{Action, Changer, Handle, use_page};

/// An editor that is there, with what it calls back.
struct Mounted {
    editor: Editor,
    _on_change: Closure<dyn FnMut(String, bool)>,
}

impl Drop for Mounted {
    fn drop(&mut self) {
        self.editor.destroy();
    }
}

/// The diagnostics as the editor takes them.
fn marks(diagnostics: &[Diagnostic]) -> String {
    let marks: Vec<_> = diagnostics
        .iter()
        .map(|it| {
            let severity = match it.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
                Severity::Advice => "advice",
            };
            json!({"line": it.line, "column": it.column, "end_line": it.end_line, "end_column": it.end_column,
                   "severity": severity, "message": it.message, "help": it.help})
        })
        .collect();
    json!(marks).to_string()
}

async fn mount(host: web_sys::HtmlElement, page: Handle) -> Option<Mounted> {
    let dispatch = page.dispatcher();
    let on_change = Closure::<dyn FnMut(String, bool)>::new(move |text, from_user| {
        if from_user {
            dispatch.dispatch(Action::Text(text, Changer::Editor));
        }
    });
    let label = "The policy file, YAML";
    let document = (page.document.text.to_string(), page.opening);
    let mounted = shell::mount_editor(host, document, schema().to_string(), label, &on_change).await;
    match mounted {
        Ok(editor) => Some(Mounted { editor, _on_change: on_change }),
        Err(why) => {
            page.dispatch(Action::Tell(true, format!("the editor could not be loaded: {why}")));
            None
        }
    }
}

/// The editor.
#[component]
pub fn EditorView() -> Html {
    let page = use_page();
    let host = use_node_ref();
    let mounted = use_mut_ref(|| None::<Mounted>);
    let is_there = use_state(|| false);
    {
        let (host, page, mounted, is_there) = (host.clone(), page.clone(), mounted.clone(), is_there.setter());
        use_effect_with((), move |()| {
            let gone = std::rc::Rc::new(std::cell::Cell::new(false));
            if let Some(host) = host.cast::<web_sys::HtmlElement>() {
                let (mounted, gone) = (mounted.clone(), gone.clone());
                spawn_local(async move {
                    let editor = mount(host, page).await;
                    if !gone.get() {
                        *mounted.borrow_mut() = editor;
                        is_there.set(true);
                    }
                });
            }
            move || {
                gone.set(true);
                mounted.borrow_mut().take();
            }
        });
    }
    {
        let (mounted, text) = (mounted.clone(), page.document.text.clone());
        use_effect_with((*is_there, page.opening, page.revision), move |(_, opening, _)| {
            if let Some(mounted) = &*mounted.borrow() {
                mounted.editor.set_text(&text, *opening);
            }
        });
    }
    {
        // After the text: a document that begins anew has no marks.
        let mounted = mounted.clone();
        use_effect_with((*is_there, page.opening, page.document.clone()), move |(_, _, document)| {
            if let Some(mounted) = &*mounted.borrow() {
                mounted.editor.set_diagnostics(&marks(&document.diagnostics));
            }
        });
    }
    {
        use_effect_with((*is_there, page.reveal), move |(_, reveal)| {
            if let (Some(mounted), Some((_, line, column))) = (&*mounted.borrow(), reveal) {
                mounted.editor.reveal(*line as u32, *column as u32);
            }
        });
    }
    html! {
        <div class="editor" ref={host}>
            if !*is_there { <pre class="editor-waiting" tabindex="0" aria-label="The policy file">{ &*page.document.text }</pre> }
        </div>
    }
}
