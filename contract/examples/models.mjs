const answer = await fetch("https://api.ml.imagine.art/v1/models", {
  headers: { Authorization: `Bearer ${process.env.IMAGINEART_TOKEN}` },
  signal: AbortSignal.timeout(30_000),
});
if (!answer.ok) throw new Error(await answer.text());
for (const model of (await answer.json()).data) {
  console.log(model.id, "takes", Object.keys(model.parameters).join(", "));
}
