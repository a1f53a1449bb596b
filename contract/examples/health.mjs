const answer = await fetch("https://api.ml.imagine.art/v1/health", {
  signal: AbortSignal.timeout(10_000),
});
console.log(answer.ok ? "up" : "down");
