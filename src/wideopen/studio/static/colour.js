// Colours for depth: far is dark and cool, near is bright and warm, in steps that are even to the eye.
const STEPS = 1024;
const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

/** Linear sRGB of an OKLab colour; formula: Ottosson, A perceptual color space for image processing, 2020. */
function linear(lightness, a, b) {
  const long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const middle = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const short = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  return [
    4.0767416621 * long - 3.3077115913 * middle + 0.2309699292 * short,
    -1.2684380046 * long + 2.6097574011 * middle - 0.3413193965 * short,
    -0.0041960863 * long - 0.7034186147 * middle + 1.707614701 * short,
  ];
}

const encoded = (level) => (level <= 0.0031308 ? 12.92 * level : 1.055 * level ** (1 / 2.4) - 0.055);

/** 8-bit sRGB of lightness, chroma and hue; what a screen cannot show loses chroma, never lightness or hue. */
export function oklch(lightness, chroma, hue_deg) {
  const hue = (hue_deg * Math.PI) / 180;
  let low = 0, high = chroma, found = linear(lightness, chroma * Math.cos(hue), chroma * Math.sin(hue));
  const fits = (colour) => colour.every((level) => level >= -1e-4 && level <= 1 + 1e-4);
  for (let step = 0; step < 12 && !fits(found); step += 1) {
    const middle = (low + high) / 2;
    const tried = linear(lightness, middle * Math.cos(hue), middle * Math.sin(hue));
    if (fits(tried)) low = middle;
    else high = middle;
    if (step === 11) found = linear(lightness, low * Math.cos(hue), low * Math.sin(hue));
  }
  return found.map((level) => Math.round(255 * encoded(clamp(level, 0, 1))));
}

/** Colour of a share of the depth: lightness rises evenly, hue turns from blue over red to yellow. */
export function depthColour(share) {
  const near = clamp(share, 0, 1);
  return oklch(0.2 + 0.72 * near, 0.05 + 0.14 * Math.sin(Math.PI * (0.15 + 0.75 * near)), 265 + 185 * near);
}

/** Colours of all shares, as R, G, B after one another. */
export const DEPTH_COLOURS = new Uint8ClampedArray(
  Array.from({ length: STEPS }, (_, step) => depthColour(step / (STEPS - 1))).flat(),
);

/** Place in `DEPTH_COLOURS` of a depth of 16 bits. */
export const place = (value) => 3 * ((value * (STEPS - 1) + 32767) / 65535 | 0);

/** What marks the plane in focus: a hue that no depth has. */
export const FOCUS_COLOUR = oklch(0.8, 0.13, 182);

/** A CSS colour of three levels. */
export const css = ([red, green, blue], alpha = 1) => `rgb(${red} ${green} ${blue} / ${alpha})`;
