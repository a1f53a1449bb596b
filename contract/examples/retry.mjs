import { randomUUID } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";

const ATTEMPTS = 5;

/** One picture, however often it has to be asked for. */
async function generate(fields) {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.set(name, value);
  const headers = {
    Authorization: `Bearer ${process.env.IMAGINEART_TOKEN}`,
    "Idempotency-Key": randomUUID(), // the same for every attempt
  };
  for (let attempt = 0; ; attempt++) {
    const isLast = attempt === ATTEMPTS - 1;
    const answer = await fetch("https://api.ml.imagine.art/v1/images/generations", {
      method: "POST",
      headers,
      body: form,
      signal: AbortSignal.timeout(300_000),
    }).catch((failure) => {
      if (isLast) throw failure;
    });
    if (answer?.ok) return Buffer.from(await answer.arrayBuffer());
    if (answer && (isLast || answer.headers.get("X-Should-Retry") === "false")) {
      throw new Error(`HTTP ${answer.status}: ${await answer.text()}`);
    }
    const waitSeconds = Number(answer?.headers.get("Retry-After") ?? 0);
    await sleep(1000 * (waitSeconds + Math.random() * 2 ** attempt));
  }
}

await writeFile("image.png", await generate({ prompt: "A lighthouse at dusk" }));
