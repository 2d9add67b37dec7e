/** Texts that are read with a model one after the other, or asked for at once. */
import { beforeAll, expect, it } from "vitest";
import { nodePlatform } from "../../src/platform/node/platform.ts";
import { setPlatform } from "../../src/platform/platform.ts";
import { TextReader } from "../../src/use/read-text.ts";
import { QUESTIONS, questions } from "../helpers/sequence-models.ts";

beforeAll(() => setPlatform(nodePlatform));

it("texts that are asked for at once get the answers that they get alone", async () => {
  const reader = await TextReader.open(questions());
  try {
    // Two of one length, so that they are read by one program.
    const texts = [...QUESTIONS, "who people this river book ?", QUESTIONS[0]];
    const alone = [];
    for (const text of texts) alone.push(await reader.read(text));
    expect(new Set(alone.map(({ probability }) => probability)).size).toBeGreaterThan(2);
    expect(await Promise.all(texts.map((text) => reader.read(text)))).toEqual(alone);
    await expect(reader.read(texts as unknown as string)).rejects.toThrow("one at a time");
    // One that cannot be read keeps no other from its answer.
    const [refused, answered] = await Promise.allSettled([reader.read(""), reader.read(texts[1])]);
    expect(refused.status).toBe("rejected");
    expect(answered).toEqual({ status: "fulfilled", value: alone[1] });
  } finally {
    await reader.close();
  }
});
