/**
 * The bar that stays at the lower edge of some screens. What scrolls under it must not stop behind it: its height is told
 * to the screen's style. Where it would take too much of a small or enlarged screen it does not stay, but stands
 * at the end like everything else.
 */

/** The most of the screen's height that it may take, as a part of it. */
const SHARE_MOST = 0.28;

export function watchFoot() {
  const screen = document.getElementById('screen');
  let watched = null;
  const measure = () => {
    const foot = screen.querySelector(':scope > .foot');
    if (foot !== watched) {
      if (watched) sizes.unobserve(watched);
      if (foot) sizes.observe(foot);
      watched = foot;
    }
    const height = foot?.offsetHeight ?? 0;
    const loose = height > screen.clientHeight * SHARE_MOST;
    foot?.classList.toggle('loose', loose);
    screen.style.setProperty('--foot', `${loose ? 0 : height}px`);
  };
  const sizes = new ResizeObserver(measure);
  sizes.observe(screen);
  new MutationObserver(measure).observe(screen, { childList: true });
}
