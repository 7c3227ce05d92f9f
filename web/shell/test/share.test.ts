import assert from "node:assert/strict";
import { test } from "node:test";
import { deflateRawSync } from "node:zlib";

import { MAX_UNPACKED_BYTES, pack, unpack } from "../src/share";
import { text } from "./repository";

const base64url = (bytes: Uint8Array) => Buffer.from(bytes).toString("base64url");

test("what is packed is unpacked", async () => {
  for (const sample of ["", "a", "ä🚀\r\n\u0000\ufeff", text("config.yaml"), "x".repeat(MAX_UNPACKED_BYTES), noise(200_000)]) {
    const packed = await pack(sample);
    assert.match(packed, /^[A-Za-z0-9_-]+$/);
    assert.ok((await unpack(packed)) === sample);
  }
});

test("the whole default policy makes a link that fits into any address bar", async () => {
  const packed = await pack(text("config.yaml"));
  assert.ok(packed.length < 16_000, `${packed.length} characters`);
});

test("it reads what other programs deflate", async () => {
  assert.equal(await unpack(base64url(deflateRawSync(Buffer.from("job: 1\n")))), "job: 1\n");
});

test("too much is not packed", async () => {
  await assert.rejects(pack("x".repeat(MAX_UNPACKED_BYTES + 1)), /too much for a link/);
});

test("a bomb is not unpacked, and takes no memory", async () => {
  const bomb = base64url(deflateRawSync(Buffer.alloc(256 * 1024 * 1024), { level: 9 }));
  assert.ok(bomb.length > 250_000);
  const before = process.memoryUsage().arrayBuffers;
  await assert.rejects(unpack(bomb), /holds more than/);
  assert.ok(process.memoryUsage().arrayBuffers - before < 64 * 1024 * 1024);
});

test("one byte too many is too much", async () => {
  const packed = (size: number) => base64url(deflateRawSync(Buffer.alloc(size, 65)));
  assert.equal((await unpack(packed(MAX_UNPACKED_BYTES))).length, MAX_UNPACKED_BYTES);
  await assert.rejects(unpack(packed(MAX_UNPACKED_BYTES + 1)), /holds more than/);
});

test("every cut of a link gives a clear message", async () => {
  const packed = await pack("environments:\n  production: {}\n".repeat(20));
  for (let length = 0; length < packed.length; length += 1) {
    await assert.rejects(unpack(packed.slice(0, length)), /cut off|holds nothing|damaged/, `at ${length}`);
  }
});

test("rubbish gives a clear message", async () => {
  await assert.rejects(unpack("a b"), /can't hold ` `/);
  await assert.rejects(unpack("🚀🚀"), /can't hold `🚀`/);
  await assert.rejects(unpack("a+b/"), /can't hold `\+`/);
  await assert.rejects(unpack("_____________"), /cut off|damaged/);
  await assert.rejects(unpack(base64url(deflateRawSync(Buffer.from([0xff, 0xfe, 0x80])))), /is no text/);
  await assert.rejects(unpack("A".repeat(7 * 1024 * 1024)), /too long/);
});

/** Text that can't be compressed well. */
function noise(length: number): string {
  let seed = 1;
  const characters: string[] = [];
  for (let at = 0; at < length; at += 1) {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
    characters.push(String.fromCharCode(33 + (seed % 90)));
  }
  return characters.join("");
}
