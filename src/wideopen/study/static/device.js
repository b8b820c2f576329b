// What the page can know of the screen it is on.
export const LEAST_WIDTH_PX = 1000;
const ZOOMS = [0.25, 0.33, 0.5, 0.67, 0.75, 0.8, 0.9, 1, 1.1, 1.25, 1.5, 1.75, 2, 2.5, 3, 4, 5];
const BORDERS_PX = 40;
const DISPLAYS = [1, 2, 1.25, 1.5, 1.75, 2.25, 2.5, 2.75, 3, 3.5, 4];

const matches = (query) => window.matchMedia(query).matches;
export const narrow = () => window.innerWidth < LEAST_WIDTH_PX;
/** A phone or a tablet: touched, and without a mouse or a touchpad. */
export const handheld = () => matches("(pointer: coarse)") && !matches("(any-pointer: fine)");

/** The browser's zoom, 1 for 100 %, as far as browsers tell it. */
export function zoom() {
  if (handheld()) return Math.round((window.visualViewport?.scale ?? 1) * 100) / 100;
  // Chromium and Safari: a window's outside does not grow with the zoom, its inside shrinks.
  const inside = window.innerWidth, outside = window.outerWidth;
  const left = (step) => outside - inside * step;
  const step = ZOOMS.filter((each) => left(each) >= -inside / 100 && left(each) <= BORDERS_PX);
  if (outside > 0 && step.length && !step.includes(1)) return step[step.length - 1];
  // Firefox: both grow, but no display has such a pixel ratio.
  const ratio = window.devicePixelRatio;
  const near = (value) => Math.abs(ratio / value - 1) < 0.015;
  if (DISPLAYS.some(near)) return 1;
  return ZOOMS.find((each) => DISPLAYS.some((display) => near(display * each))) ?? 1;
}

export function facts() {
  return {
    screen_width_px: Math.max(1, Math.round(window.screen.width)),
    screen_height_px: Math.max(1, Math.round(window.screen.height)),
    pixel_ratio: window.devicePixelRatio,
    zoom: zoom(),
    touch: handheld(),
  };
}
