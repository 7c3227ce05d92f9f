// The text editor: CodeMirror in a shadow root of its host, where its style sheets need no <style>. Loaded after the first paint.

import { autocompletion, completionKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, isolateHistory } from "@codemirror/commands";
import { yaml } from "@codemirror/lang-yaml";
import { bracketMatching, codeFolding, foldGutter, foldKeymap, indentOnInput, indentUnit } from "@codemirror/language";
import { lintGutter, lintKeymap, setDiagnostics } from "@codemirror/lint";
import { highlightSelectionMatches, search, searchKeymap } from "@codemirror/search";
import { Annotation, Compartment, EditorState, type Extension } from "@codemirror/state";
import {
  crosshairCursor,
  drawSelection,
  dropCursor,
  EditorView,
  highlightActiveLine,
  highlightActiveLineGutter,
  highlightSpecialChars,
  hoverTooltip,
  keymap,
  lineNumbers,
  rectangularSelection,
} from "@codemirror/view";

import type { Editor, EditorOptions, OnChange } from "../shell";
import { changeBetween, lineEndOf, normalised } from "./change";
import { complete, hover, schemaField, setSchema } from "./help";
import { diagnosticsOf, offsetOf } from "./positions";
import { SchemaDocument } from "./schema";
import { appearance } from "./theme";

/** Who is told of changes; another one each time an editor is mounted. */
const listening = new Compartment();
/** What the last editor left: a text that is shown again can be undone as before, and another document's never. */
let left: { state: EditorState; opening: number } | undefined;

/** Marks what the page changes, not the user. */
const byPage = Annotation.define<true>();

/** Puts an editor into an element. */
export function mount(host: HTMLElement, options: EditorOptions, onChange: OnChange): Editor {
  const root = host.shadowRoot ?? host.attachShadow({ mode: "open" });
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(":host { display: block; min-inline-size: 0; }");
  root.adoptedStyleSheets = [sheet];
  let lineEnd = lineEndOf(options.text);
  let opening = options.opening;
  const told = EditorView.updateListener.of((update) => {
    if (!update.docChanged) return;
    const fromUser = !update.transactions.some((it) => it.annotation(byPage));
    onChange(textOf(update.state, lineEnd), fromUser);
  });
  const begun = (text: string) => EditorState.create({ doc: normalised(text), extensions: [extensions(options), listening.of(told)] });
  const schema = SchemaDocument.parse(options.schema);
  const same = left?.opening === opening ? left.state : undefined;
  const state = same?.update({ effects: listening.reconfigure(told) }).state ?? begun(options.text);
  root.replaceChildren();
  const view = new EditorView({ state, parent: root, root });
  view.dispatch({ effects: setSchema.of(schema) });
  const editor: Editor = {
    setText(text, its) {
      lineEnd = lineEndOf(text);
      if (its !== opening) {
        opening = its;
        view.setState(begun(text));
        view.dispatch({ effects: setSchema.of(schema) });
        return;
      }
      const changes = changeBetween(view.state.doc.toString(), normalised(text));
      // One step of its own in the history, not joined to what is being typed.
      const annotations = [byPage.of(true), isolateHistory.of("full")];
      if (changes !== undefined) view.dispatch({ changes, annotations });
    },
    setDiagnostics(json) {
      view.dispatch(setDiagnostics(view.state, diagnosticsOf(view.state.doc, json)));
    },
    reveal(line, column) {
      const anchor = offsetOf(view.state.doc, line, column);
      view.dispatch({ selection: { anchor }, effects: EditorView.scrollIntoView(anchor, { y: "center" }) });
      view.focus();
    },
    destroy() {
      left = { state: view.state, opening };
      view.destroy();
      // A shadow root can't be taken off: with a slot the host shows its own children again.
      root.replaceChildren(document.createElement("slot"));
    },
  };
  // A form may have changed the document while no editor showed it.
  editor.setText(options.text, opening);
  return editor;
}

function textOf(state: EditorState, lineEnd: string): string {
  return state.doc.sliceString(0, state.doc.length, lineEnd);
}

function extensions(options: EditorOptions): Extension {
  return [
    lineNumbers(),
    lintGutter(),
    foldGutter(),
    codeFolding(),
    highlightActiveLineGutter(),
    highlightActiveLine(),
    highlightSpecialChars(),
    highlightSelectionMatches(),
    history(),
    drawSelection(),
    dropCursor(),
    rectangularSelection(),
    crosshairCursor(),
    EditorState.allowMultipleSelections.of(true),
    EditorState.readOnly.of(options.readOnly ?? false),
    indentOnInput(),
    indentUnit.of("  "),
    bracketMatching(),
    search({ top: true }),
    yaml(),
    schemaField,
    autocompletion({ override: [complete], icons: false }),
    hoverTooltip(hover),
    appearance(),
    // Tab is in none of these: it moves on to the next control, and Mod-] and Mod-[ indent.
    keymap.of([...completionKeymap, ...searchKeymap, ...historyKeymap, ...foldKeymap, ...lintKeymap, ...defaultKeymap]),
    EditorView.contentAttributes.of({
      "aria-label": options.label,
      // It takes the focus anyway; this says so to those who check.
      tabindex: "0",
      spellcheck: "false",
      autocorrect: "off",
      autocapitalize: "off",
      translate: "no",
    }),
  ];
}
