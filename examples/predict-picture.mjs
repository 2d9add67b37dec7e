// Reads pictures with a saved model. The preprocessing comes out of the model file, so a scan, a photograph and a drawing
// all look to the network like what it was trained on.
//
//     node examples/predict-picture.mjs digits.safetensors seven.png eight.jpg
import { data, load, Predictor } from "ductus";

const [path, ...pictures] = process.argv.slice(2);
if (pictures.length === 0) {
  console.error("usage: node examples/predict-picture.mjs MODEL PICTURE …");
  process.exit(2);
}

const predictor = await Predictor.open(await load(path));
for (const picture of pictures) {
  const { label, probability, ranking } = predictor.predict(await data.decodeImage(picture));
  const next = ranking.slice(1, 3).map((other) => other.label);
  console.log(`${picture}: ${label} (${(100 * probability).toFixed(1)} %), else ${next.join(" or ")}`);
}
await predictor.close();
