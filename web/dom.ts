/** Elements made of text that cannot become markup: markup is never written as a string. */

type Child = Node | string;

/** What an element has beside its children: attributes by name; `undefined` leaves one out. */
export type Attributes = Readonly<Record<string, string | undefined>>;

function fill(element: Element, attributes: Attributes, children: readonly Child[]): void {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined) {
      element.setAttribute(name, value);
    }
  }
  element.append(...children);
}

/** An HTML element. */
export function html<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  fill(element, attributes, children);
  return element;
}

/** An SVG element. */
export function svg<K extends keyof SVGElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: readonly Child[]
): SVGElementTagNameMap[K] {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  fill(element, attributes, children);
  return element;
}

/** The element of the page that has this id. */
export function byId<T extends HTMLElement = HTMLElement>(id: string, type?: new () => T): T {
  const element = document.getElementById(id);
  if (element === null || (type !== undefined && !(element instanceof type))) {
    throw new Error(`the page has no #${id}`);
  }
  return element as T;
}

/** Sets a text if it is another one: what does not change is not drawn again, and stays selected. */
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) {
    element.textContent = text;
  }
}

/** Offers the choices in a list, the first at first. */
export function offer(list: HTMLSelectElement, choices: readonly string[]): void {
  const known = Array.from(list.options, ({ value }) => value);
  if (choices.length > 0 && choices.join() !== known.join()) {
    list.replaceChildren(...choices.map((choice) => new Option(choice, choice)));
  }
}

// eslint-disable-next-line no-control-regex -- controls are what it looks for
const hostile = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/gu;

/** A name that some program chose, without what would reorder or hide other text. */
export function visible(name: string): string {
  return name.replace(hostile, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
