/** Forms with files (`multipart/form-data`), as `/models/NAME/predict`, `/read` and `/invocations` take them. Read on their thread or another (reading.ts). */
import { tooManySamples } from "./intake.ts";
import { RequestError } from "./request-error.ts";

export interface PictureFile {
  /** Of the field that it is in. */
  readonly field: string;
  readonly name: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** What a form holds: at least one file, and other fields by name. */
export interface Form {
  readonly files: readonly PictureFile[];
  readonly fields: ReadonlyMap<string, string>;
}

/** Whether a body of this type is a form. */
export const isForm = (type: string): boolean => /^multipart\/form-data\b/i.test(type);

/** @throws RequestError 400 for what is no form or has no file, 413 for one with too many files */
export async function readForm(body: Uint8Array<ArrayBuffer>, type: string, maxCount: number): Promise<Form> {
  const fields = new Map<string, string>();
  let form: FormData;
  try {
    form = await new Response(body, { headers: { "content-type": type } }).formData();
  } catch {
    throw new RequestError(400, "the form cannot be read");
  }
  const files: PictureFile[] = [];
  for (const [field, value] of form) {
    if (typeof value === "string") fields.set(field, value);
    // Browsers send an empty file for a field that was left alone.
    else if (value.size > 0 || value.name !== "") {
      files.push({ field, name: value.name, bytes: new Uint8Array(await value.arrayBuffer()) });
    }
  }
  if (files.length > maxCount) throw tooManySamples(files.length, maxCount);
  if (files.length === 0) throw new RequestError(400, "the form has no file in it");
  return { files, fields };
}
