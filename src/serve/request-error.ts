/** What a server answers when a request cannot be done: a status and one line. Routes throw it, app.ts answers it. */
import { DataError, DuctusError, TooLargeError } from "../engine/errors.ts";

/** Statuses that this server gives on purpose. */
export type ErrorStatus = 400 | 401 | 403 | 404 | 405 | 408 | 411 | 413 | 415 | 421 | 422 | 500 | 503 | 504;

/** A request that is refused. The message goes to the client: it names what was expected and nothing of the machine. */
export class RequestError extends Error {
  readonly status: ErrorStatus;

  constructor(status: ErrorStatus, message: string) {
    super(message);
    this.name = "RequestError";
    this.status = status;
  }
}

/** Status and message for whatever a route threw; an unknown failure gives nothing away. */
export function answerTo(error: unknown): { readonly status: ErrorStatus; readonly message: string } {
  if (error instanceof RequestError) return { status: error.status, message: error.message };
  if (error instanceof TooLargeError) return { status: 413, message: error.message };
  if (error instanceof DataError) return { status: 400, message: error.message };
  if (error instanceof DuctusError) return { status: 500, message: error.message };
  return { status: 500, message: "the server failed; its log says more" };
}
