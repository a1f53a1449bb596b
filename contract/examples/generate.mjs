import { writeFile } from "node:fs/promises";

const form = new FormData();
form.set("prompt", "A cinematic portrait of a chef plating ramen, warm tungsten light");
form.set("aspect_ratio", "3:2");
form.set("resolution", "2K");
form.set("seed", "7");
form.set("reasoning", "high");

const answer = await fetch("https://api.ml.imagine.art/v1/images/generations", {
  method: "POST",
  headers: { Authorization: `Bearer ${process.env.IMAGINEART_TOKEN}` },
  body: form,
  signal: AbortSignal.timeout(300_000),
});
if (!answer.ok) throw new Error(await answer.text());
await writeFile("image.png", Buffer.from(await answer.arrayBuffer()));
console.log("seed", answer.headers.get("X-Seed"));
