import { readFile, writeFile } from "node:fs/promises";

async function send(url, options) {
  const answer = await fetch(url, { ...options, signal: AbortSignal.timeout(300_000) });
  if (!answer.ok) throw new Error(await answer.text());
  return answer;
}

const api = "https://api.ml.imagine.art";
const authorization = { Authorization: `Bearer ${process.env.IMAGINEART_TOKEN}` };
const photo = await readFile("photo.jpg");

const granted = await send(`${api}/v1/uploads`, {
  method: "POST",
  headers: { ...authorization, "Content-Type": "application/json" },
  body: JSON.stringify({ content_type: "image/jpeg", size: photo.length }),
});
const upload = await granted.json();

// Without the token: the address itself is the permission.
await send(upload.url, { method: upload.method, headers: upload.headers, body: photo });

const form = new FormData();
form.set("prompt", "Make it dusk.");
form.set("images", upload.id);
const edited = await send(`${api}/v1/images/edits`, {
  method: "POST",
  headers: authorization,
  body: form,
});
await writeFile("edited.png", Buffer.from(await edited.arrayBuffer()));
