import { writeFile } from "node:fs/promises";
import { client, GenerationAspectRatio, GenerationStyle, RemixControl } from "imaginesdk";

// The package's own fetch, with another host.
const connect = (token) =>
  client(token, {
    client: {
      fetch: async (endpoint, body) => {
        const url = `${process.env.IMAGINEART_BASE_URL}/imagine/${endpoint}`;
        const data = await fetch(url, { method: "POST", body, headers: { Authorization: `Bearer ${token}` } });
        return { status: data.status, data };
      },
    },
  });
const prompt = "A lighthouse at dusk";
const imagine = connect(process.env.IMAGINEART_TOKEN);
const write = async (name, response) => writeFile(`${name}.png`, Buffer.from(response.getOrThrow().buffer()));

await write("generated", await imagine.generations(prompt));
await write("all-options", await imagine.generations(prompt, {
  style: GenerationStyle.ANIME,
  aspectRatio: GenerationAspectRatio.EIGHT_BY_TEN,
  negativePrompt: "clouds",
  cfg: 9.5,
  seed: 7,
  steps: 45,
  highResolution: true,
}));
await write("varied", await imagine.variations(prompt, "photo.jpg", { cfg: 7.5, negativePrompt: "boats" }));
await write("remixed", await imagine.remix(prompt, "photo.jpg", { control: RemixControl.DEPTH, strength: 80 }));
await write("remixed-by-default", await imagine.remix(prompt, "photo.jpg"));
await write("inpainted", await imagine.inpaint(prompt, "portrait.jpg", "photo.jpg", { negativePrompt: "boats" }));
await write("enlarged", await imagine.upscale("photo.jpg"));

const notes = {};
for (const [name, token, options] of [
  ["bad key", "wrong", {}],
  ["bad ratio", process.env.IMAGINEART_TOKEN, { aspectRatio: "7:1" }],
]) {
  const response = await connect(token).generations(prompt, options);
  const { code, error, details } = response.errorOrThrow();
  notes[name] = [response.status(), code, error, details.length];
}
await writeFile("notes.txt", JSON.stringify(notes));
