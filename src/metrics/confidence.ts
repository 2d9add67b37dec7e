/** Answers with how sure a model is of each: what all that looks at confidence needs to know of them. */
export interface SureAnswers {
  readonly length: number;
  /** 0 … 1, of each answer. */
  readonly confidences: ArrayLike<number>;
  readonly isRight: (index: number) => boolean;
}
