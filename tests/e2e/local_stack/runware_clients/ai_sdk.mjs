import { writeFile } from "node:fs/promises";
import { createRunware } from "@runware/ai-sdk-provider";
import { generateImage } from "ai";

const baseURL = `${process.env.IMAGINEART_BASE_URL}/runware/v1`;
const prompt = "A lighthouse at dusk";
const generate = (apiKey, options) =>
  generateImage({ model: createRunware({ apiKey, baseURL }).image("imagineart:2.0@0"), prompt, ...options });
const results = ({ warnings }) => JSON.parse(warnings[0].message.replace("Response data: ", ""));

const token = process.env.IMAGINEART_TOKEN;
const notes = {};
let made;
for (const [name, n] of [["one", 1], ["four", 4], ["reference", 1], ["unsafe", 1]]) {
  const options = { size: "1024x1024", n };
  if (name === "reference") {
    options.size = "2048x1152";
    options.providerOptions = { runware: { inputs: { referenceImages: [made] } } };
  } else if (name === "unsafe") {
    options.prompt = "An nsfw lighthouse";
    options.providerOptions = { runware: { checkNSFW: true } };
  }
  const generated = await generate(token, options);
  const described = results(generated);
  made = described[0].imageURL;
  notes[name] = described[0].NSFWContent ?? null;
  for (const [number, image] of generated.images.entries()) {
    await writeFile(`${name}-${number}.png`, image.uint8Array);
  }
}
for (const [name, key, size] of [["refused", token, "512x512"], ["bad key", "wrong", "1024x1024"]]) {
  await generate(key, { size }).catch(({ message }) => {
    notes[name] = JSON.parse(message.slice(message.indexOf("{"))).code;
  });
}
await writeFile("notes.txt", JSON.stringify(notes));
