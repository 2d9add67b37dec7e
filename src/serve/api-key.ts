/** The optional key of a server. */

/** Whether a request carries the key. Digests are compared, in a time that does not depend on where they differ. */
export function keyCheck(key: string | undefined): (request: Request) => Promise<boolean> {
  if (key === undefined) return async () => true;
  const expected = digest(key);
  return async ({ headers }) => {
    const bearer = /^Bearer (.+)$/i.exec(headers.get("authorization") ?? "")?.[1];
    const given = bearer ?? headers.get("x-api-key");
    if (given === null) return false;
    const [a, b] = await Promise.all([expected, digest(given)]);
    return a.reduce((difference, byte, i) => difference | (byte ^ b[i]), 0) === 0;
  };
}

async function digest(text: string): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
}
