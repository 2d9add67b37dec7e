/** The fingerprint of data sets of any samples, such as texts; that of pictures is fingerprint.ts's. */
import type { Dataset } from "./dataset.ts";
import { fingerprintIfKnown, keepFingerprint, type Sha256, webSha256 } from "./fingerprint.ts";
import { eachChunk } from "./sample-hash.ts";

/** Fingerprint of a data set whose samples may have different lengths, such as texts; they are read once. */
export async function fingerprintSamples(dataset: Dataset, sha256: Sha256 = webSha256): Promise<string> {
  const before = await fingerprintIfKnown(dataset);
  if (before !== undefined) return before;
  const { length, inputs, targets, classes } = dataset;
  const header = JSON.stringify({ length, inputs, targets, classes });
  const parts: Uint8Array[] = [new TextEncoder().encode(header)];
  eachChunk(dataset, ({ arrays, inputs, size }, from, count) => {
    parts.push(new TextEncoder().encode(JSON.stringify(dataset.sizes?.(from) ?? {})));
    for (const { buffer, byteOffset, byteLength } of Object.values(arrays)) {
      const own = (byteLength * count * size) / inputs.length;
      parts.push(new Uint8Array(buffer.slice(byteOffset, byteOffset + own) as ArrayBuffer));
    }
  });
  const found = await sha256(parts);
  keepFingerprint(dataset, found);
  return found;
}
