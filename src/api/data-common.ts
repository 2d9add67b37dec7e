/** `data`: what does not depend on where files come from. An entry point, so the one place that may re-export. */
export type { AugmentOption, PresetName } from "../augment/presets.ts";
export type { Augmentation, AugmentationList } from "../augment/records.ts";
export { type Dataset, ImageDataset, type ImageSource } from "../data/dataset.ts";
export { toIdx } from "../data/formats/idx.ts";
export { type SampleOptions, sample } from "../data/sample.ts";
export { type LoadedData, listSources } from "../data/sources.ts";
export { Subset, stratifiedSplit, takeImages } from "../data/split.ts";
export type { Picture } from "../picture/picture.ts";
export { MNIST_PREPROCESSING, type Preprocessing } from "../picture/preprocessing.ts";
