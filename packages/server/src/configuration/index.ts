export { asksForHelp, describeSettings, settingsTable } from "./describe-settings.ts";
export {
  type Configuration,
  type ConfigurationSources,
  findStorePlace,
  loadConfiguration,
  maskPassword,
  type StorePlace,
  type TlsSource,
} from "./load-configuration.ts";
export { takesValue } from "./takes-value.ts";
