/** An untrained reader of strings over an alphabet, at once. */
import type { Model } from "../../src/models/model.ts";
import { modelOf } from "../../src/models/network.ts";
import { reader } from "../../src/models/reader.ts";
import { LineInput } from "../../src/task/line-input.ts";
import { Transcribe } from "../../src/task/transcribe/transcribe.ts";

export const createReader = (alphabet: Iterable<string>, seed = 0): Model<Transcribe> =>
  modelOf(reader, new Transcribe(new LineInput(), alphabet), {}, { seed });
