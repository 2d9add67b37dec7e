/**
 * What pages of other origins may do (CORS, https://fetch.spec.whatwg.org/#http-cors-protocol). Unless an origin is allowed,
 * its pages may neither read an answer, which browsers see to, nor send anything: a form or a script can post across origins
 * without asking first, so such requests are refused here, whatever type their body claims.
 */
import type { MiddlewareHandler } from "hono";
import { UsageError } from "../engine/errors.ts";
import { hostOf } from "./hosts.ts";
import { RequestError } from "./request-error.ts";

/** Origins whose pages may ask, such as `https://example.org`; `"*"` is all. */
export type Origins = "*" | readonly string[];

const METHODS = "GET, HEAD, POST";
/** Methods that change and start nothing. */
const SAFE: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"]);
/** What scripts may read beside the headers that they always may. */
const EXPOSED = "Inference-Header-Content-Length, Retry-After";
/** Seconds that a browser may keep the answer to its question; two hours are the most that Chromium keeps. */
const MAX_AGE = "7200";
const ORIGIN = /^[a-z][a-z0-9+.-]*:\/\/[^\s/?#@]+$/i;

/**
 * Checks origins as people write them: with capitals, with the port that the scheme has anyway, with a slash at the end.
 * @throws UsageError for what is no origin
 */
export function readOrigins(values: readonly string[]): Origins {
  if (values.includes("*")) return "*";
  return values.map((value) => {
    const text = value.replace(/\/$/, "");
    // Pages from files and sandboxed frames.
    if (text === "null") return text;
    if (!ORIGIN.test(text) || !URL.canParse(text)) {
      throw new UsageError(
        `"${value}" is no origin: give scheme and host, such as https://example.org, or "*" for all`,
      );
    }
    const { origin } = new URL(text);
    return origin === "null" ? text.toLowerCase() : origin;
  });
}

/** Answers the questions that browsers ask beforehand, marks answers as readable, and refuses pages that are not allowed. */
export function crossOrigin(origins: Origins): MiddlewareHandler {
  const allows = (origin: string | undefined): boolean =>
    origins === "*" || (origin !== undefined && origins.includes(origin));
  const varies = origins !== "*" && origins.length > 0;
  return async (c, next) => {
    const { method, raw } = c.req;
    const origin = c.req.header("origin");
    const isAllowed = allows(origin);
    const asked = c.req.header("access-control-request-method");
    const isPreflight = method === "OPTIONS" && origin !== undefined && asked !== undefined;
    if (!isAllowed && ((isPreflight && varies) || (!SAFE.has(method) && isForeign(raw, origin)))) {
      if (varies) c.header("Vary", "Origin");
      const from = origin === undefined ? "another origin" : origin.slice(0, 100);
      throw new RequestError(
        403,
        `pages of ${from} may not ask this server; whoever runs it can say so with --allow-origin`,
      );
    }
    if (isAllowed && isPreflight) {
      c.header("Access-Control-Allow-Methods", METHODS);
      // Whatever it wants to send: keys travel in headers of their own, and what a header says is checked where it is read.
      const headers = c.req.header("access-control-request-headers");
      if (headers !== undefined) c.header("Access-Control-Allow-Headers", headers);
      c.header("Access-Control-Max-Age", MAX_AGE);
      // Chromium's question before a public page asks a server of a private network: https://wicg.github.io/private-network-access/.
      if (c.req.header("access-control-request-private-network") === "true") {
        c.header("Access-Control-Allow-Private-Network", "true");
      }
      c.res = c.body(null, 204);
      c.header("Vary", "Access-Control-Request-Headers", { append: true });
    } else {
      await next();
      if (isAllowed && origin !== undefined) c.header("Access-Control-Expose-Headers", EXPOSED);
    }
    if (isAllowed && origin !== undefined) c.header("Access-Control-Allow-Origin", origins === "*" ? "*" : origin);
    if (varies) c.header("Vary", "Origin", { append: true });
  };
}

/** Whether a page of another origin sends this. Browsers say so themselves on safe connections; else names are compared. */
function isForeign(request: Request, origin: string | undefined): boolean {
  const site = request.headers.get("sec-fetch-site");
  if (site !== null) return site !== "same-origin" && site !== "none";
  if (origin === undefined) return false;
  return !URL.canParse(origin) || new URL(origin).host !== hostOf(request);
}
