// A picture, as large as the window allows. Escape closes, the arrow keys step through the pictures of the message,
// and a click zooms between fitting the window and the picture's own size.

import { h, fill } from "./dom.js";
import { icon } from "./icons.js";
import { author } from "./store.js";

/** Opens at the picture with `url`; `list` as from media.js `pictures`. */
export function openLightbox(list, url, message) {
  let at = Math.max(
    0,
    list.findIndex((picture) => picture.url === url),
  );
  const returnTo = document.activeElement;
  const stage = h("div", { class: "lightbox-stage" });
  const caption = h("div", { class: "lightbox-caption" });
  const count = h("div", { class: "lightbox-count", "aria-live": "polite" });
  const button = (name, label, click, extra = "") =>
    h(
      "button",
      { class: `lightbox-button ${extra}`, type: "button", "aria-label": label, title: label, on: { click } },
      icon(name),
    );
  const box = h(
    "dialog",
    { class: "lightbox", "aria-label": "Picture" },
    h(
      "div",
      { class: "lightbox-bar" },
      caption,
      count,
      button("close", "Close (Escape)", () => box.close(), "lightbox-close"),
    ),
    list.length > 1 ? button("left", "Previous picture (left arrow)", () => show(at - 1), "lightbox-previous") : null,
    stage,
    list.length > 1 ? button("right", "Next picture (right arrow)", () => show(at + 1), "lightbox-next") : null,
  );

  function show(index) {
    at = (index + list.length) % list.length;
    const picture = list[at];
    const img = h("img", {
      src: picture.url,
      alt: picture.alt,
      width: picture.width,
      height: picture.height,
      draggable: "false",
    });
    const zoom = h(
      "button",
      {
        class: "lightbox-picture",
        type: "button",
        "aria-label": `${picture.alt}. Zoom in or out`,
        on: {
          click: () => {
            stage.classList.toggle("zoomed");
          },
        },
      },
      img,
    );
    stage.classList.remove("zoomed");
    fill(stage, zoom);
    fill(
      caption,
      h("span", { class: "lightbox-name" }, author(message.author).name),
      h(
        "span",
        { class: "lightbox-file" },
        [picture.filename, picture.width && picture.height ? `${picture.width} × ${picture.height}` : null]
          .filter(Boolean)
          .join(" · "),
      ),
      h("a", { class: "md-link", href: picture.url, target: "_blank", rel: "noreferrer noopener" }, "Open original"),
    );
    count.textContent = list.length > 1 ? `${at + 1} of ${list.length}` : "";
  }

  box.addEventListener("keydown", (event) => {
    if (list.length > 1 && event.key === "ArrowLeft") show(at - 1);
    else if (list.length > 1 && event.key === "ArrowRight") show(at + 1);
    else return;
    event.preventDefault();
    box.querySelector(".lightbox-close").focus();
  });
  box.addEventListener("click", (event) => {
    if (event.target === box || event.target === stage) box.close();
  });
  box.addEventListener("close", () => {
    box.remove();
    returnTo?.focus({ preventScroll: true });
  });
  show(at);
  document.body.append(box);
  box.showModal();
  box.querySelector(".lightbox-close").focus();
}
