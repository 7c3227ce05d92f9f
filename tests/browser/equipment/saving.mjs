// Saving as a person does it: the button, what is shown first, and the files of the browser's own file system.

/** The button that begins it. */
export function saveButton(page) {
  return page.getByRole("group", { name: "Policy file" }).getByRole("button", { name: "Save", exact: true });
}

/** What is shown before anything is written. */
export function shown(page) {
  return page.getByRole("dialog", { name: /^Save / });
}

/** The lines that differ, each after its sign. */
export async function differing(page) {
  const lines = await shown(page).locator("li:is(.added, .removed)").all();
  return Promise.all(lines.map(async (line) => (await line.locator(".sign").innerText()) + (await line.locator("code").evaluate((it) => it.lastChild.textContent))));
}

/** Presses Save, and Save again under what is shown. */
export async function save(page) {
  await saveButton(page).click();
  await shown(page).getByRole("button", { name: "Save", exact: true }).click();
  await shown(page).waitFor({ state: "detached" });
}

/** Real files of the browser's own file system, in place of the system's dialog alone. */
export function withPickers(page, name, contents) {
  return page.evaluate(
    async ([file, words]) => {
      const root = await navigator.storage.getDirectory();
      const handle = await root.getFileHandle(file, { create: true });
      if (words !== undefined) {
        const stream = await handle.createWritable();
        await stream.write(words);
        await stream.close();
      }
      globalThis.showOpenFilePicker = async () => [handle];
      globalThis.showSaveFilePicker = async () => handle;
    },
    [name, contents],
  );
}

/** The contents of such a file. */
export function contentsOf(page, name) {
  return page.evaluate(async (file) => {
    const root = await navigator.storage.getDirectory();
    try {
      return await (await (await root.getFileHandle(file)).getFile()).text();
    } catch {
      // While it is written it is not there for a moment.
      return null;
    }
  }, name);
}
