// A text as the fragment of a link: deflated, in base64url.

/** The most that a link may unpack to; a policy file is a hundredth of it. */
export const MAX_UNPACKED_BYTES = 4 * 1024 * 1024;
/** Deflate makes at most 1,032 bytes of one, so a piece of this size can't flood the memory before it is counted. */
const PIECE_BYTES = 1024;
/** More than the longest text packs to, even one that can't be compressed. */
const MAX_PACKED_CHARACTERS = 6 * 1024 * 1024;

/** A text as a link can hold it. */
export async function pack(text: string): Promise<string> {
  const bytes = new TextEncoder().encode(text);
  if (bytes.length > MAX_UNPACKED_BYTES) {
    throw new Error(`too much for a link: ${bytes.length} bytes, where ${MAX_UNPACKED_BYTES} are the most; save a file instead`);
  }
  const packed = new Blob([bytes]).stream().pipeThrough(new CompressionStream("deflate-raw"));
  return toBase64Url(new Uint8Array(await new Response(packed).arrayBuffer()));
}

/** The text that a link holds. Whatever else the link holds ends in an error with plain words. */
export async function unpack(text: string): Promise<string> {
  const packed = fromBase64Url(text);
  let bytes: Uint8Array;
  try {
    bytes = await inflate(packed);
  } catch (error) {
    if (error instanceof TooMuch) throw error;
    throw new Error("this link is cut off or damaged: what it holds can't be unpacked");
  }
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new Error("this link is damaged: what it holds is no text");
  }
}

class TooMuch extends Error {}

async function inflate(packed: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  let at = 0;
  const pieces = new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull(controller) {
      if (at < packed.length) controller.enqueue(packed.slice(at, (at += PIECE_BYTES)));
      else controller.close();
    },
  });
  const reader = pieces.pipeThrough(new DecompressionStream("deflate-raw")).getReader();
  const parts: Uint8Array[] = [];
  let length = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    length += value.length;
    if (length > MAX_UNPACKED_BYTES) {
      // Not waited for: it may reject with what it interrupts.
      reader.cancel().catch(() => undefined);
      throw new TooMuch(`this link holds more than ${MAX_UNPACKED_BYTES} bytes; it is not opened`);
    }
    parts.push(value);
  }
  const whole = new Uint8Array(length);
  let place = 0;
  for (const part of parts) {
    whole.set(part, place);
    place += part.length;
  }
  return whole;
}

function toBase64Url(bytes: Uint8Array): string {
  let binary = "";
  // In pieces: a call takes a limited number of arguments.
  for (let at = 0; at < bytes.length; at += 0x8000) binary += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

function fromBase64Url(text: string): Uint8Array<ArrayBuffer> {
  if (text === "") throw new Error("this link holds nothing");
  if (text.length > MAX_PACKED_CHARACTERS) throw new TooMuch("this link is too long; it is not opened");
  const odd = /[^A-Za-z0-9_-]/u.exec(text);
  if (odd !== null) throw new Error(`this link is damaged: it can't hold \`${odd[0]}\``);
  if (text.length % 4 === 1) throw new Error("this link is cut off");
  const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}
