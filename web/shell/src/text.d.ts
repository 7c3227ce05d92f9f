// Style sheets come as texts (build.mjs), since the page adopts them: its policy allows no <style>.
declare module "*.css" {
  const text: string;
  export default text;
}
