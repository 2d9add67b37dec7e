/** `POST /models/NAME/generate`: goes on with a text, where the model's task is to. Each token is a sample of its own for the batcher. */
import { UsageError } from "../engine/errors.ts";
import { check, Mismatch, number, record, text, whole } from "../engine/schema.ts";
import type { TextInput } from "../task/text-input.ts";
import { type GenerateOptions, goOn } from "../use/generate.ts";
import { FORMAT } from "./answer-format.ts";
import { checkJsonType, parseObject } from "./body.ts";
import type { App, Service } from "./context.ts";
import { Deadline } from "./deadline.ts";
import { addModelRoute } from "./model-route.ts";
import { RequestError } from "./request-error.ts";
import type { ServedModel } from "./served-model.ts";
import { ofTokens, tokensOf } from "./texts.ts";

/** Most tokens that a request may ask for. */
export const MAX_WRITTEN = 4096;

const schema = record(
  { text },
  {
    length: whole(1, MAX_WRITTEN),
    temperature: number(0),
    top_k: whole(1),
    top_p: number(0, 1),
    stop: text,
    seed: whole(0),
    context: whole(1),
  },
  "refused",
);

export function addGenerate(app: App, service: Service): void {
  addModelRoute(app, service, {
    path: "/models/:model/generate",
    wants: 'with JSON: { "text": … }',
    check: checkJsonType,
    answer: async (served, request, body) => {
      const { name: model, version } = served;
      return { format: FORMAT, model, version, text: await write(service, served, body, request.raw) };
    },
  });
}

async function write(
  { limits }: Service,
  served: ServedModel,
  body: Uint8Array<ArrayBuffer>,
  request: Request,
): Promise<string> {
  const { http, task, intake } = served;
  const { next } = http;
  if (next === undefined) {
    throw new RequestError(
      400,
      `"${served.name}" writes no texts (its task is to ${task.kind}); use POST /models/${served.name}/predict`,
    );
  }
  const found = check(schema, parseObject(body));
  if (found instanceof Mismatch)
    throw new RequestError(400, `${found.path === "" ? "the body" : `"${found.path}"`} ${found.message}`);
  const { text: prompt, top_k: topK, top_p: topP, ...others } = found;
  const { context = intake.maxLength } = others;
  if (context > intake.maxLength) {
    throw new RequestError(400, `"context" is ${context}; this model looks at ${intake.maxLength} tokens at most`);
  }
  const options: GenerateOptions = { ...others, topK, topP };
  const input = task.input as TextInput;
  tokensOf({ intake, input }, prompt);
  const { timeout } = limits;
  const deadline = new Deadline(timeout, () => new RequestError(504, `no answer within ${timeout} ms`));
  try {
    const writing = goOn(input, prompt, options, async (tokens) => {
      if (deadline.reason !== undefined) throw deadline.reason;
      // Nobody would read it.
      if (request.signal.aborted) throw new RequestError(408, "the client has gone");
      const { answers } = await served.run(ofTokens(intake, tokens), [0], deadline);
      const probabilities = new Float64Array(input.tokenizer.tokens.length);
      for (const { index, probability } of next(answers[0])) probabilities[index] = probability;
      return probabilities;
    });
    return await Promise.race([writing, deadline.over]);
  } catch (error) {
    throw error instanceof UsageError ? new RequestError(400, error.message) : error;
  } finally {
    deadline.end();
  }
}
