// Films of interactions: the door from closed to the opening of the reward, without the hand.

const FILM_MILLISECONDS = 120; // for each frame

/** Index of the frame that is closest to a reward. */
function frameOf(frames, reward) {
  return Math.round(Math.min(Math.max(reward, 0), 1) * (frames.length - 1));
}

/** Shows a film in an image; it replaces the film that runs there. Returns nothing. */
function playFilm(image, frames, reward) {
  clearInterval(image.film);
  const last = frameOf(frames, reward);
  let now = window.matchMedia("(prefers-reduced-motion: reduce)").matches ? last : 0;
  const show = () => {
    image.src = frames[now];
    if (now === last) clearInterval(image.film);
    now += 1;
  };
  image.film = setInterval(show, FILM_MILLISECONDS);
  show();
}

/** Fills a row with the last frames of interactions; a click on one calls choose(its number). */
function fillStrip(strip, frames, steps, choose) {
  const buttons = steps.map(({ reward }, i) => {
    const words = `Interaction ${i + 1}: reward ${reward.toFixed(2)}`;
    const button = imageButton(frames[frameOf(frames, reward)], words);
    button.addEventListener("click", () => choose(i + 1));
    return button;
  });
  strip.replaceChildren(...buttons);
}
