// Strokes of the brush: thinned, drawn as a tint, written down in shares of the photo.
export const MOST_POINTS = 2000;
export const MOST_STROKES = 500;
const TOLERANCE = 0.02; // of the radius; far less than its feather
const RINGS = 10;
const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
const rounded = (value) => Math.round(value * 1e5) / 1e5;

/** Squared distance of a point from a line that ends at two others. */
function apart(point, from, to) {
  const across = to[0] - from[0], down = to[1] - from[1];
  const length = across * across + down * down;
  const along = length && clamp(((point[0] - from[0]) * across + (point[1] - from[1]) * down) / length, 0, 1);
  return (point[0] - from[0] - along * across) ** 2 + (point[1] - from[1] - along * down) ** 2;
}

/** Points that matter: the rest lies within a tolerance of the lines between them (Douglas and Peucker 1973). */
function simplified(points, tolerance) {
  const kept = new Uint8Array(points.length);
  kept[0] = kept[points.length - 1] = 1;
  const open = [[0, points.length - 1]];
  while (open.length) {
    const [first, last] = open.pop();
    let worst = tolerance * tolerance, at = -1;
    for (let index = first + 1; index < last; index += 1) {
      const distance = apart(points[index], points[first], points[last]);
      if (distance > worst) [worst, at] = [distance, index];
    }
    if (at < 0) continue;
    kept[at] = 1;
    open.push([first, at], [at, last]);
  }
  return points.filter((_, index) => kept[index]);
}

/** A path of no more points than a stroke may have. */
export function thinned(points, tolerance, most = MOST_POINTS) {
  let found = simplified(points, tolerance);
  for (let wider = tolerance; found.length > most; wider *= 1.5) found = simplified(points, wider);
  return found;
}

/** The stroke as the look keeps it.
 *  brush: { kind, radius, feather, amount, edges, level, point }; path: shares of width and height. */
export function strokeOf(brush, path, { width, height }) {
  const diagonal = Math.hypot(width, height);
  const inside = path.map(([x, y]) => [clamp(x, -0.5, 1.5) * width, clamp(y, -0.5, 1.5) * height]);
  const kept = thinned(inside, TOLERANCE * brush.radius * diagonal);
  const stroke = {
    kind: brush.kind,
    path: kept.map(([x, y]) => [rounded(x / width), rounded(y / height)]),
    radius: rounded(brush.radius),
    feather: rounded(brush.feather),
    edges: brush.edges,
  };
  if (brush.kind === "level") stroke.level = rounded(clamp(brush.level, 0, 1));
  else if (brush.kind === "as-point") stroke.point = brush.point.map(rounded);
  else stroke.amount = rounded(brush.amount);
  return stroke;
}

/** Whether any of the stroke falls on the photo. */
export function touches(path, radius, { width, height }) {
  const reach = radius * Math.hypot(width, height);
  const within = (at, length) => at * length > -reach && (at - 1) * length < reach;
  return path.some(([x, y]) => within(x, width) && within(y, height));
}

/** Lay down one more line or dot. */
function lay(context, path, radius) {
  context.beginPath();
  if (path.length === 1) {
    context.arc(path[0][0], path[0][1], radius, 0, 2 * Math.PI);
    context.fill();
    return;
  }
  context.lineWidth = 2 * radius;
  context.moveTo(path[0][0], path[0][1]);
  for (const [x, y] of path.slice(1)) context.lineTo(x, y);
  context.stroke();
}

/** Draw where a stroke goes, fading over its feather as the depth will.
 *  path and radius: pixels of the canvas. */
export function drawTint(context, path, { radius, feather, colour, strength = 0.5 }) {
  context.save();
  context.lineCap = context.lineJoin = "round";
  context.strokeStyle = context.fillStyle = colour;
  const rings = feather * radius < 1 ? 1 : RINGS;
  let laid = 0;
  for (let ring = 0; ring < rings; ring += 1) {
    const share = (ring + 1) / rings;
    const wanted = strength * share * share * (3 - 2 * share);
    // What is laid over what lies there already adds up to the wanted cover.
    context.globalAlpha = 1 - (1 - wanted) / (1 - laid);
    laid = wanted;
    lay(context, path, rings === 1 ? radius : radius * (1 - feather * (ring / rings)));
  }
  context.restore();
}
