/** Networks on offer in the page: those that train in seconds to minutes there. A test keeps the numbers. */
export const NETWORKS = [
  { name: "ductus-micro", parameters: 1935 },
  { name: "ductus-s", parameters: 7503 },
  { name: "cnn-strided", parameters: 72010 },
  { name: "cnn-3x3", parameters: 225034 },
  { name: "lenet5", parameters: 61706 },
  { name: "ductus-m", parameters: 97863 },
] as const;

export type NetworkName = (typeof NETWORKS)[number]["name"];
