// Trains a network on MNIST, tests it and saves it.
//
//     npm run build && node examples/train-mnist.mjs [epochs]
import { data, evaluate, fit, models } from "ductus";

const epochs = Number(process.argv[2] ?? 5);
const { train, test, origin } = await data.mnist();
console.log(`${train.length} digits to train on, ${test.length} to test; ${origin}`);

const run = await fit(models.create("cnn-3x3", { seed: 7 }), train, {
  epochs,
  validation: 0.1,
  seed: 7,
  callbacks: [
    {
      onEpoch: ({ epoch, validation, imagesPerSecond }) =>
        console.log(`epoch ${epoch}: ${validation?.accuracy}, ${Math.round(imagesPerSecond)} images/s`),
    },
  ],
});
console.log(await evaluate(run.model, test));
await run.model.save("digits.safetensors");
