//! The browser as the page needs it: what `web/shell` puts into `globalThis.sparkwright`.

use wasm_bindgen::prelude::*;
use web_sys::{Blob, HtmlElement};

#[wasm_bindgen]
extern "C" {
    /// What is known of the policy module.
    pub type ModuleFacts;
    /// SHA-256 of its bytes.
    #[wasm_bindgen(method, getter)]
    pub fn sha256(this: &ModuleFacts) -> String;
    /// Its size.
    #[wasm_bindgen(method, getter)]
    pub fn bytes(this: &ModuleFacts) -> f64;

    #[wasm_bindgen(js_namespace = sparkwright, js_name = loadModule, catch)]
    async fn load_module_js() -> Result<JsValue, JsValue>;

    /// Loads a resolved policy into a fresh instance.
    #[wasm_bindgen(js_namespace = sparkwright, catch)]
    pub fn prepare(policy_json: &str) -> Result<u32, JsValue>;
    /// Lets an instance go.
    #[wasm_bindgen(js_namespace = sparkwright)]
    pub fn release(handle: u32);
    /// One question; the envelope as JSON.
    #[wasm_bindgen(js_namespace = sparkwright, catch)]
    pub fn ask(handle: u32, point: i32, question: &str) -> Result<String, JsValue>;
    #[wasm_bindgen(js_namespace = sparkwright, js_name = sweep, catch)]
    async fn sweep_js(
        lane: &str,
        policies: &str,
        point: i32,
        question: &str,
        path: &str,
        values: &str,
        pick: &str,
    ) -> Result<JsValue, JsValue>;

    /// The text editor.
    #[derive(Clone)]
    pub type Editor;
    /// Puts another text of the same document in, as one change that can be undone; another document begins a history of its own.
    #[wasm_bindgen(method, js_name = setText)]
    pub fn set_text(this: &Editor, text: &str, opening: u32);
    /// Marks problems: a JSON list of diagnostics.
    #[wasm_bindgen(method, js_name = setDiagnostics)]
    pub fn set_diagnostics(this: &Editor, json: &str);
    /// Goes to a place, both from 1.
    #[wasm_bindgen(method)]
    pub fn reveal(this: &Editor, line: u32, column: u32);
    /// Ends it.
    #[wasm_bindgen(method)]
    pub fn destroy(this: &Editor);

    #[wasm_bindgen(js_namespace = sparkwright, js_name = mountEditor, catch)]
    async fn mount_editor_js(host: &HtmlElement, options: &JsValue, on_change: &JsValue) -> Result<JsValue, JsValue>;

    /// A chart.
    #[derive(Clone)]
    pub type Chart;
    /// A chart in an element.
    #[wasm_bindgen(js_namespace = sparkwright, js_name = newChart)]
    pub fn new_chart(host: &HtmlElement) -> Chart;
    /// Draws a [`Spec`](crate::chart::Spec), or draws it again.
    #[wasm_bindgen(method)]
    pub fn draw(this: &Chart, spec: &str);
    #[wasm_bindgen(method, catch)]
    async fn png(this: &Chart) -> Result<JsValue, JsValue>;
    /// Who is told which point the user picked.
    #[wasm_bindgen(method, setter, js_name = onPick)]
    pub fn set_on_pick(this: &Chart, callback: &JsValue);
    /// Ends it.
    #[wasm_bindgen(method, js_name = destroy)]
    pub fn end(this: &Chart);

    #[wasm_bindgen(js_namespace = sparkwright, js_name = openFile, catch)]
    async fn open_file_js(accept: &str) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(js_namespace = sparkwright, js_name = fileToWrite, catch)]
    async fn file_to_write_js(name: &str) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(js_namespace = sparkwright, js_name = writeFile, catch)]
    async fn write_file_js(name: &str, text: &str, shown: Option<&str>) -> Result<JsValue, JsValue>;
    /// Puts a copy of a text among the user's downloads.
    #[wasm_bindgen(js_namespace = sparkwright, js_name = downloadFile)]
    pub fn download_file(name: &str, text: &str);
    /// Who is told of files that are dropped on the page: name and text.
    #[wasm_bindgen(js_namespace = sparkwright, js_name = onDrop)]
    pub fn on_drop(callback: &JsValue);
    #[wasm_bindgen(js_namespace = sparkwright, js_name = pack, catch)]
    async fn pack_js(text: &str) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(js_namespace = sparkwright, js_name = unpack, catch)]
    async fn unpack_js(text: &str) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(js_namespace = sparkwright, js_name = copyText, catch)]
    async fn copy_text_js(text: &str) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(js_namespace = sparkwright, js_name = copyImage, catch)]
    async fn copy_image_js(png: &Blob) -> Result<JsValue, JsValue>;
}

/// What a JavaScript error says.
#[must_use]
pub fn message(error: &JsValue) -> String {
    error
        .dyn_ref::<js_sys::Error>()
        .map(|error| String::from(error.message()))
        .or_else(|| error.as_string())
        .unwrap_or_else(|| "an error without words".to_owned())
}

fn text(value: JsValue) -> Result<String, String> {
    value.as_string().ok_or_else(|| "the browser gave no text".to_owned())
}

/// Fetches, compiles and hashes `policy.wasm`: its SHA-256 and its size in bytes.
///
/// # Errors
/// What the browser says.
pub async fn load_module() -> Result<(String, u64), String> {
    let facts: ModuleFacts = load_module_js().await.map_err(|error| message(&error))?.unchecked_into();
    Ok((facts.sha256(), facts.bytes() as u64))
}

/// Many questions in the worker, see `Shell.sweep` of the shell.
#[derive(Debug, Clone, PartialEq)]
pub struct Sweep {
    /// A newer sweep of the same lane takes the place of one that waits.
    pub lane: &'static str,
    /// Resolved policies, a JSON list.
    pub policies: String,
    /// The decision point's number.
    pub point: i32,
    /// The question, JSON.
    pub question: String,
    /// The member that is varied.
    pub path: &'static str,
    /// Its values, a JSON list.
    pub values: String,
    /// What is taken from each answer, a JSON list of paths.
    pub pick: String,
}

/// What a sweep found.
#[derive(Debug, Clone, PartialEq, serde::Deserialize)]
pub struct Swept {
    /// By policy, by value, by picked member.
    pub series: Vec<Vec<Vec<Option<f64>>>>,
    /// The first error of each policy.
    pub errors: Vec<Option<String>>,
    /// How long it took in the worker.
    pub ms: f64,
}

impl Sweep {
    /// Asks; nothing where a newer sweep took this one's place.
    ///
    /// # Errors
    /// What the browser says.
    pub async fn run(&self) -> Result<Option<Swept>, String> {
        let asked =
            sweep_js(self.lane, &self.policies, self.point, &self.question, self.path, &self.values, &self.pick);
        match asked.await {
            Ok(json) => {
                sparkwright_core::json::from_slice(text(json)?.as_bytes()).map(Some).map_err(|error| error.to_string())
            }
            Err(error) if message(&error) == "superseded" => Ok(None),
            Err(error) => Err(message(&error)),
        }
    }
}

/// Puts an editor into an element, with the text of a document and the document's number. `on_change` is told the text, and whether the
/// user changed it.
///
/// # Errors
/// What the browser says.
pub async fn mount_editor(
    host: HtmlElement,
    (initial, opening): (String, u32),
    schema: String,
    label: &str,
    on_change: &Closure<dyn FnMut(String, bool)>,
) -> Result<Editor, String> {
    let options = js_sys::Object::new();
    for (name, value) in [("text", initial.as_str()), ("schema", schema.as_str()), ("label", label)] {
        // A plain object takes every member.
        let _ = js_sys::Reflect::set(&options, &name.into(), &value.into());
    }
    let _ = js_sys::Reflect::set(&options, &"opening".into(), &opening.into());
    let mounted = mount_editor_js(&host, &options, on_change.as_ref()).await;
    mounted.map(JsCast::unchecked_into).map_err(|error| message(&error))
}

/// A picture of a chart, copied to the clipboard or, where the browser can't, downloaded; whether it was copied.
///
/// # Errors
/// What the browser says.
pub async fn copy_chart(chart: Chart) -> Result<bool, String> {
    let picture: Blob = chart.png().await.map_err(|error| message(&error))?.unchecked_into();
    let copied = copy_image_js(&picture).await.map_err(|error| message(&error))?;
    Ok(copied.as_bool().unwrap_or(false))
}

/// Lets the user open a file: its name and text; nothing when the user thinks better of it.
///
/// # Errors
/// What the browser says.
pub async fn open_file(accept: &str) -> Result<Option<(String, String)>, String> {
    let opened = open_file_js(accept).await.map_err(|error| message(&error))?;
    if opened.is_null() || opened.is_undefined() {
        return Ok(None);
    }
    let member = |name: &str| js_sys::Reflect::get(&opened, &name.into()).ok().and_then(|value| value.as_string());
    Ok(member("name").zip(member("text")))
}

/// Where a text is to be saved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// In a file that the page may write.
    File {
        /// Its text; nothing where it is not there.
        text: Option<String>,
    },
    /// Among the downloads: this browser lets no page write files.
    Downloads,
    /// Nowhere: the user thought better of it.
    Nothing,
}

/// The file that was opened or saved under this name, else the one that the user names now.
///
/// # Errors
/// What the browser says, or that the file holds no text.
pub async fn file_to_write(name: &str) -> Result<Target, String> {
    let file = file_to_write_js(name).await.map_err(|error| message(&error))?;
    Ok(if file.is_undefined() {
        Target::Downloads
    } else if file.is_null() {
        Target::Nothing
    } else {
        let text = js_sys::Reflect::get(&file, &"text".into()).ok().and_then(|text| text.as_string());
        Target::File { text }
    })
}

/// Writes that file, if its text is still the one that was shown; whether it was.
///
/// # Errors
/// What the browser says.
pub async fn write_file(name: &str, contents: &str, shown: Option<&str>) -> Result<bool, String> {
    let written = write_file_js(name, contents, shown).await.map_err(|error| message(&error))?;
    Ok(written.as_bool().unwrap_or(false))
}

/// A text as a link can hold it.
///
/// # Errors
/// What the browser says.
pub async fn pack(contents: &str) -> Result<String, String> {
    text(pack_js(contents).await.map_err(|error| message(&error))?)
}

/// The text that a link holds.
///
/// # Errors
/// The link is cut, is none, or holds too much.
pub async fn unpack(packed: &str) -> Result<String, String> {
    text(unpack_js(packed).await.map_err(|error| message(&error))?)
}

/// Copies a text to the clipboard.
///
/// # Errors
/// What the browser says.
pub async fn copy_text(contents: &str) -> Result<(), String> {
    copy_text_js(contents).await.map(|_| ()).map_err(|error| message(&error))
}

/// Names who is told of errors that nobody caught.
pub fn set_on_fault(callback: &JsValue) {
    let shell = js_sys::Reflect::get(&js_sys::global(), &"sparkwright".into());
    if let Ok(shell) = shell {
        let _ = js_sys::Reflect::set(&shell, &"onFault".into(), callback);
    }
}
