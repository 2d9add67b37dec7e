/**
 * The version of the JSON that Ductus' own routes answer, and commands with `--json`, as field `format`. It rises when a field goes or means something else;
 * new ones may come at any time. Other protocols have versions of their own.
 */
export const FORMAT = 1;
