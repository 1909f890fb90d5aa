// What the playground's server knows: where Supabase is, which parts are twins, who the demo people are.

const response = await fetch("/playground/config.json");
export const config = await response.json();

export const hasTwin = (name) => config.standIns.includes(name);
