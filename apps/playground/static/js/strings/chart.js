export const chart = {
};
