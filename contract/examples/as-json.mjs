import { writeFile } from "node:fs/promises";

const answer = await fetch("https://api.ml.imagine.art/v1/images/generations", {
  method: "POST",
  headers: {
    Authorization: `Bearer ${process.env.IMAGINEART_TOKEN}`,
    "Content-Type": "application/json",
  },
  body: JSON.stringify({ prompt: "A lighthouse at dusk", size: "1024x1024", n: 2, seed: 7 }),
  signal: AbortSignal.timeout(300_000),
});
if (!answer.ok) throw new Error(await answer.text());
for (const [index, picture] of (await answer.json()).data.entries()) {
  await writeFile(`image-${index + 1}.png`, Buffer.from(picture.b64_json, "base64"));
}
