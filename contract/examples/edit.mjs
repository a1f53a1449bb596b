import { readFile, writeFile } from "node:fs/promises";

const form = new FormData();
form.set("prompt", "Replace the background with a sunset beach.");
form.set("aspect_ratio", "auto");
form.set("resolution", "2K");
form.append("images", new Blob([await readFile("portrait.jpg")]), "portrait.jpg");
form.append("images", new Blob([await readFile("reference.png")]), "reference.png");

const answer = await fetch("https://api.ml.imagine.art/v1/images/edits", {
  method: "POST",
  headers: { Authorization: `Bearer ${process.env.IMAGINEART_TOKEN}` },
  body: form,
  signal: AbortSignal.timeout(300_000),
});
if (!answer.ok) throw new Error(await answer.text());
await writeFile("edited.png", Buffer.from(await answer.arrayBuffer()));
