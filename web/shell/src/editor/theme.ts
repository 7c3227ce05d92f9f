// How the editor looks. Every colour is a custom property of the page, so that it turns dark with it.

import { HighlightStyle, syntaxHighlighting, syntaxTree } from "@codemirror/language";
import { RangeSetBuilder, type Extension } from "@codemirror/state";
import { Decoration, EditorView, ViewPlugin, type DecorationSet, type ViewUpdate } from "@codemirror/view";
import { tags } from "@lezer/highlight";

const highlight = HighlightStyle.define([
  { tag: tags.definition(tags.propertyName), color: "var(--syntax-key)" },
  { tag: [tags.string, tags.content], color: "var(--syntax-string)" },
  { tag: tags.comment, color: "var(--syntax-comment)", fontStyle: "italic" },
  { tag: [tags.keyword, tags.meta, tags.typeName, tags.labelName, tags.attributeValue], color: "var(--syntax-word)" },
  { tag: [tags.punctuation, tags.separator], color: "var(--muted)" },
]);

const number = Decoration.mark({ class: "cm-yaml-number" });
const word = Decoration.mark({ class: "cm-yaml-word" });
const NUMBER = /^[-+]?(0x[\da-f]+|0o[0-7]+|(\d+(\.\d*)?|\.\d+)(e[-+]?\d+)?|\.inf|\.nan)$/iu;
const WORD = /^(true|false|null|~)$/iu;

/** To YAML's grammar, 12, true and a text are all plain scalars: what they mean is only known from how they read. */
const scalars = ViewPlugin.fromClass(
  class {
    decorations: DecorationSet;
    constructor(view: EditorView) {
      this.decorations = scalarsIn(view);
    }
    update(update: ViewUpdate): void {
      const isReparsed = syntaxTree(update.state) !== syntaxTree(update.startState);
      if (update.docChanged || update.viewportChanged || isReparsed) this.decorations = scalarsIn(update.view);
    }
  },
  { decorations: (plugin) => plugin.decorations },
);

function scalarsIn(view: EditorView): DecorationSet {
  const found = new RangeSetBuilder<Decoration>();
  let end = 0;
  for (const { from, to } of view.visibleRanges) {
    syntaxTree(view.state).iterate({
      from,
      to,
      enter: (node) => {
        // A scalar that reaches into the next visible range is met twice.
        if (node.name !== "Literal" || node.from < end || node.to - node.from > 40 || node.matchContext(["Key"])) return;
        const text = view.state.sliceDoc(node.from, node.to);
        const decoration = NUMBER.test(text) ? number : WORD.test(text) ? word : undefined;
        if (decoration === undefined) return;
        found.add(node.from, node.to, decoration);
        end = node.to;
      },
    });
  }
  return found.finish();
}

const selected = "color-mix(in srgb, var(--accent) 22%, var(--surface))";
const faint = "color-mix(in srgb, var(--accent) 7%, transparent)";
const found = "color-mix(in srgb, var(--accent) 18%, transparent)";
const framed = { border: "1px solid var(--line)", borderRadius: "4px" };

const look = EditorView.theme({
  "&": { color: "var(--text)", backgroundColor: "var(--surface)", blockSize: "100%", fontSize: "var(--editor-size, 0.875rem)" },
  "&.cm-focused": { outline: "2px solid var(--accent)", outlineOffset: "-2px" },
  ".cm-scroller": { fontFamily: "var(--font-mono, ui-monospace, 'Cascadia Code', Menlo, Consolas, monospace)", lineHeight: "1.5" },
  ".cm-content": { caretColor: "var(--text)" },
  ".cm-cursor, .cm-dropCursor": { borderLeftColor: "var(--text)" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": { background: selected },
  ".cm-content ::selection": { backgroundColor: selected },
  ".cm-activeLine": { backgroundColor: faint },
  ".cm-gutters": { backgroundColor: "var(--surface)", color: "var(--muted)", border: "none", borderInlineEnd: "1px solid var(--line)" },
  ".cm-activeLineGutter": { backgroundColor: faint, color: "var(--text)" },
  ".cm-foldPlaceholder": { ...framed, backgroundColor: "transparent", color: "var(--muted)", padding: "0 0.4em" },
  ".cm-specialChar": { color: "var(--accent)" },
  ".cm-yaml-number, .cm-yaml-number *": { color: "var(--syntax-number)" },
  ".cm-yaml-word, .cm-yaml-word *": { color: "var(--syntax-word)" },
  "&.cm-focused .cm-matchingBracket": { backgroundColor: "transparent", outline: "1px solid var(--accent)" },
  "&.cm-focused .cm-nonmatchingBracket": { backgroundColor: "transparent", outline: "1px dashed var(--text)" },
  ".cm-searchMatch": { backgroundColor: found, outline: "1px solid var(--accent)" },
  ".cm-searchMatch-selected": { backgroundColor: selected },
  ".cm-selectionMatch": { backgroundColor: found },
  ".cm-panels": { backgroundColor: "var(--surface)", color: "var(--text)", fontFamily: "var(--font, system-ui, sans-serif)" },
  ".cm-panels-top": { borderBottom: "1px solid var(--line)" },
  ".cm-panels-bottom": { borderTop: "1px solid var(--line)" },
  ".cm-panel.cm-search": { padding: "0.375rem 0.5rem", fontSize: "0.8125rem" },
  ".cm-panel.cm-search label": { fontSize: "inherit" },
  ".cm-panel.cm-search [name=close], .cm-panel.cm-panel-lint [name=close]": { color: "inherit", minWidth: "1.5rem", minHeight: "1.5rem" },
  ".cm-textfield": { ...framed, backgroundColor: "var(--surface)", color: "inherit", fontSize: "inherit", padding: "0.125rem 0.375rem" },
  ".cm-button": { ...framed, backgroundImage: "none", backgroundColor: "var(--surface)", color: "inherit", fontSize: "inherit" },
  ".cm-button:hover": { backgroundColor: faint },
  ".cm-button:active": { backgroundImage: "none", backgroundColor: selected },
  ".cm-textfield:focus-visible, .cm-button:focus-visible, .cm-panel button:focus-visible": { outline: "2px solid var(--accent)" },
  ".cm-panel.cm-panel-lint ul [aria-selected]": { backgroundColor: found },
  ".cm-panel.cm-panel-lint ul:focus [aria-selected]": { backgroundColor: selected, color: "var(--text)" },
  ".cm-tooltip": { ...framed, backgroundColor: "var(--surface)", color: "var(--text)", boxShadow: "0 2px 8px rgb(0 0 0 / 0.2)", maxWidth: "min(34rem, 92vw)" },
  ".cm-tooltip.cm-tooltip-autocomplete > ul": { fontFamily: "inherit", maxHeight: "16em" },
  ".cm-tooltip-autocomplete ul li[aria-selected]": { background: selected, color: "var(--text)" },
  ".cm-completionMatchedText": { textDecoration: "none", fontWeight: "700" },
  ".cm-completionDetail": { color: "var(--muted)", fontStyle: "normal" },
  "li[aria-selected] .cm-completionDetail": { color: "inherit" },
  ".cm-tooltip.cm-completionInfo": { padding: "0" },
  ".cm-help": { padding: "0.375rem 0.625rem", fontFamily: "var(--font, system-ui, sans-serif)", fontSize: "0.8125rem", maxWidth: "32rem", whiteSpace: "normal" },
  ".cm-help p": { margin: "0.125rem 0" },
  ".cm-help-name": { fontWeight: "600" },
  ".cm-help-fact": { color: "var(--muted)" },
  ".cm-help code": { fontFamily: "var(--font-mono, ui-monospace, monospace)", overflowWrap: "anywhere" },
  ".cm-diagnostic": { fontFamily: "var(--font, system-ui, sans-serif)", fontSize: "0.8125rem", whiteSpace: "normal" },
  ".cm-diagnostic-help": { display: "block", color: "var(--muted)" },
});

/** Colours and fonts. */
export function appearance(): Extension {
  return [look, syntaxHighlighting(highlight), scalars];
}
