/**
 * Names under which a server may be asked. A page from elsewhere can make its own name point to this machine (DNS
 * rebinding), and its requests then look to the browser like requests to itself; but they still carry that name. So a name
 * counts only where nobody outside can have it.
 */
import { UsageError } from "../engine/errors.ts";
import { RequestError } from "./request-error.ts";

/** A host without its port, which is a name, an address of IPv4, or one of IPv6 in brackets. */
const HOST = /^(\[[0-9a-f:.]+\]|[^:/@[\]\s]+)(?::\d+)?$/i;
const IPV4 = /^\d{1,3}(?:\.\d{1,3}){3}$/;
const NAME = /^\.?[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/i;

/** Whether a server that listens there is reached by its own machine only. */
export function isLoopback(host: string): boolean {
  return /^(?:(?:.+\.)?localhost|127(?:\.\d{1,3}){3}|\[?::1\]?)$/i.test(host);
}

/**
 * Refuses requests under other names than these: `localhost` and all below it, addresses (what is reached by its address needs
 * no name), those given, and, unless only this machine is served, names without a dot (as containers call each other; no
 * public site has one).
 * @param allowed more names; `.example.org` is that name and all below it, `*` is any
 * @param isLocal whether only this machine is served
 * @returns what throws RequestError 421
 * @throws UsageError for what is no name
 */
export function hostCheck(allowed: readonly string[], isLocal = false): (request: Request) => void {
  if (allowed.includes("*")) return () => {};
  const names = new Set<string>(["localhost"]);
  const ends = [".localhost"];
  for (const given of allowed) {
    if (!NAME.test(given)) {
      throw new UsageError(`"${given}" is no host name: give it without scheme and port, such as digits.example.org`);
    }
    const name = given.toLowerCase();
    names.add(name.replace(/^\./, ""));
    if (name.startsWith(".")) ends.push(name);
  }
  const isOwn = (name: string): boolean =>
    name.startsWith("[") ||
    IPV4.test(name) ||
    (!isLocal && !name.includes(".")) ||
    names.has(name) ||
    ends.some((end) => name.endsWith(end));
  return (request) => {
    const host = hostOf(request);
    const name = HOST.exec(host)?.[1].toLowerCase().replace(/\.$/, "");
    if (name !== undefined && isOwn(name)) return;
    const asked = JSON.stringify(host.slice(0, 100));
    throw new RequestError(
      421,
      `this server is not known as ${asked}; if that is a name of it, whoever runs it can say so with --allowed-hosts`,
    );
  };
}

/** Host and port that a request was sent to. */
export function hostOf(request: Request): string {
  return request.headers.get("host") ?? new URL(request.url).host;
}
