// What goes to the clipboard, and what is downloaded instead.

/** Copies a text, also where the page came over plain HTTP from another host and has no `navigator.clipboard`. */
export async function copyText(text: string): Promise<void> {
  if (navigator.clipboard !== undefined) {
    try {
      await navigator.clipboard.writeText(text);
      return;
    } catch {
      // The permission is refused or the page has no focus: the old way asks for neither.
    }
  }
  if (!copyBySelection(text)) {
    throw new Error("the browser does not let this page copy; select the text and copy it by hand");
  }
}

function copyBySelection(text: string): boolean {
  const focused = document.activeElement;
  const area = document.createElement("textarea");
  area.value = text;
  area.readOnly = true;
  area.style.position = "fixed";
  area.style.insetInlineStart = "-100vw";
  area.setAttribute("aria-hidden", "true");
  document.body.append(area);
  try {
    area.select();
    // Marked as obsolete, yet it is all there is without a secure context.
    return document.execCommand("copy");
  } finally {
    area.remove();
    if (focused instanceof HTMLElement) focused.focus();
  }
}

/** Copies a picture; where the browser can't, it is downloaded as chart.png and the answer is false. */
export async function copyImage(png: Blob): Promise<boolean> {
  if (navigator.clipboard?.write !== undefined && typeof ClipboardItem !== "undefined") {
    try {
      await navigator.clipboard.write([new ClipboardItem({ "image/png": png })]);
      return true;
    } catch {
      // Refused; the download needs no permission.
    }
  }
  download("chart.png", png);
  return false;
}

/** Hands a file to the browser's downloads. */
export function download(name: string, content: Blob): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content);
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
  // Safari reads the address some time after the click.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
