import { readFile, writeFile } from "node:fs/promises";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { generateImage } from "ai";

const options = {
  name: "imagineart",
  baseURL: `${process.env.IMAGINEART_BASE_URL}/v1`,
  apiKey: process.env.IMAGINEART_TOKEN,
};
const text = "A lighthouse at dusk";
const images = [await readFile("portrait.jpg"), await readFile("reference.png")];
for (const [name, provider] of [["openai", createOpenAI(options)], ["compatible", createOpenAICompatible(options)]]) {
  const generated = await generateImage({
    model: provider.imageModel("text-to-image"), prompt: text, size: "1024x1024",
  });
  await writeFile(`generated-${name}.png`, generated.image.uint8Array);
  const edited = await generateImage({
    model: provider.imageModel("image-edit"), prompt: { text, images }, size: "1024x1536",
  });
  await writeFile(`edited-${name}.png`, edited.image.uint8Array);
}
