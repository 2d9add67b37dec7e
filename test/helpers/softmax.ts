/** The softmax as a formula has it, for tests: nothing of it is shared with the code under test. */
export function softmax(logits: ArrayLike<number>, temperature = 1): number[] {
  const powers = Array.from(logits, (logit) => Math.exp(logit / temperature));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / sum);
}
